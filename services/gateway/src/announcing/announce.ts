import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type AcceptReply,
  type AnnouncementContent,
  type AnnouncementTerms,
  AnnounceToFew,
  compareUserIds,
  OpenAnnouncement,
  type RecipientChunk,
  StartAnnouncement,
  StoreRecipients,
} from "@strata/contracts";
import type { Intent, Calls } from "@strata/doors";
import { collectInSlices } from "@strata/runtime";
import { announcementDigest } from "../domain/announcement-digest.ts";
import { chunkCounts, chunksOf, packChunks } from "../domain/recipient-chunks.ts";

export interface Announcing {
  readonly intent: Intent;
  readonly content: AnnouncementContent & AnnouncementTerms;
  /** Distinct. */
  readonly recipients: readonly string[];
}

/** As many as travel in one command and are stored in one step. */
const FEW = 1_000;
/** Of one StoreRecipients; the rest of its payload is an id and punctuation. */
const CHUNKS_PER_COMMAND = { maxBytes: 1_000_000, overheadBytes: 100 } as const;

/** Hands an announcement over to announcement-fanout; it is durable when this answers. */
export const announce = (calls: Calls, longListDeadlineMs: number, announcing: Announcing): Promise<AcceptReply> =>
  announcing.recipients.length <= FEW && isAtOnce(announcing.content)
    ? announceToFew(calls, announcing)
    : announceToMany(calls.within(longListDeadlineMs), announcing);

/** What starts later, or goes out bit by bit, takes the way of a long list, however short it is. */
const isAtOnce = ({ schedule, throttlePerMinute }: AnnouncementTerms): boolean =>
  schedule === undefined && throttlePerMinute === undefined;

function announceToFew(calls: Calls, { intent, content, recipients }: Announcing): Promise<AcceptReply> {
  const digest = announcementDigest(content, [recipients.toSorted(compareUserIds)]);
  const payload = { ...content, announcementId: intent.id, digest, recipients: [...recipients] };
  return calls.request(AnnounceToFew, payload, { id: intent.commandId(digest) });
}

/**
 * The header first, as `accepting`; then the recipients, each message confirmed in its queue; then the command that
 * names them all and starts the fan-out. Whatever fails in between leaves an `accepting` header, with which a repeat of
 * the same request goes on.
 */
async function announceToMany(calls: Calls, { intent, content, recipients }: Announcing): Promise<AcceptReply> {
  const { id: announcementId } = intent;
  const chunks = await collectInSlices(chunksOf(recipients));
  const digest = announcementDigest(
    content,
    chunks.map(({ userIds }) => userIds),
  );
  const opened = await calls.request(
    OpenAnnouncement,
    {
      ...content,
      announcementId,
      digest,
      recipientCount: recipients.length,
      ...(recipients.length <= FEW ? { recipients: [...recipients] } : {}),
    },
    { id: intent.commandId(digest, "open") },
  );
  // Accepted and yet past `accepting`: this very request was answered before.
  if (opened.outcome === "in-use" || opened.announcement.state !== "accepting") return opened;

  await sendChunks(calls, announcementId, chunks);
  return calls.request(
    StartAnnouncement,
    { announcementId, chunks: chunkCounts(chunks) },
    { id: intent.commandId(digest, "start") },
  );
}

/** All at once, but prepared one by one: each serialises up to 1 MB, and other requests want their turn in between. */
async function sendChunks(calls: Calls, announcementId: string, chunks: readonly RecipientChunk[]): Promise<void> {
  const sendings: Promise<void>[] = [];
  for (const packed of packChunks(chunks, CHUNKS_PER_COMMAND)) {
    const sending = calls.send(StoreRecipients, { announcementId, chunks: packed });
    // Awaited below; one that fails before that must not count as unhandled.
    sending.catch(() => undefined);
    sendings.push(sending);
    await nextTurn();
  }
  await Promise.all(sendings);
}
