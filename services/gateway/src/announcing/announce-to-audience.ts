import {
  type AcceptReply,
  type AnnouncementContent,
  type AnnouncementTerms,
  AnnounceToAudience,
  CountAudience,
  GetSegment,
  type NamelessAudience,
} from "@strata/contracts";
import type { Intent, Calls } from "@strata/doors";
import {
  type ExpectedCount,
  invalidProperty,
  layerError,
  type LayerError,
  type RequestedAudience,
} from "@strata/layer-protocol";
import { announcementDigest } from "../domain/announcement-digest.ts";

export interface AnnouncingToAudience {
  readonly intent: Intent;
  readonly content: AnnouncementContent & AnnouncementTerms;
  readonly audience: RequestedAudience;
  readonly expected: ExpectedCount | null;
  /** More than these are refused. */
  readonly maxUsers: number;
}

/**
 * Hands an announcement to an audience over; it is durable when this answers. A filter is counted only where the
 * caller expects a number, or the app has more users than it may reach, so that it takes the same time whatever the number.
 * @throws LayerError 422 `invalid_property` `audience`, `audience.segment` or `expected_count`
 */
export async function announceToAudience(
  calls: Calls,
  countDeadlineMs: number,
  { intent, content, audience: requested, expected, maxUsers }: AnnouncingToAudience,
): Promise<AcceptReply> {
  const audience = await audienceOf(calls, requested);
  const recipientCount = await countedWithin(calls.within(countDeadlineMs), audience, { expected, maxUsers });
  const meaning = { ...content, audience: requested };
  const digest = announcementDigest(meaning, []);
  const payload = { ...content, announcementId: intent.id, digest, audience, recipientCount };
  return calls.request(AnnounceToAudience, payload, { id: intent.commandId(digest) });
}

/**
 * A segment is its filter as it is now.
 * @throws LayerError 422 `invalid_property` `audience.segment`
 */
export async function audienceOf(calls: Calls, requested: RequestedAudience): Promise<NamelessAudience> {
  if (requested.kind === "everyone") return requested;
  if (requested.kind === "filter") return { ...requested, segmentId: null };
  const { segment } = await calls.ask(GetSegment, { segmentId: requested.segmentId });
  if (segment === null) throw invalidProperty("audience.segment", "names no segment");
  return { kind: "filter", filter: segment.filter, segmentId: requested.segmentId };
}

/** How many they are, where that is known now; refused when it is not as expected, or more than allowed. */
async function countedWithin(
  calls: Calls,
  audience: NamelessAudience,
  { expected, maxUsers }: Pick<AnnouncingToAudience, "expected" | "maxUsers">,
): Promise<number | null> {
  if (expected === null && audience.kind === "filter") {
    // They are no more than all users, who are always counted.
    const everyone = await calls.ask(CountAudience, { filter: null });
    if (everyone.count <= maxUsers) return null;
  }
  const count = await countOf(calls, audience);
  if (expected === null && audience.kind === "everyone") {
    throw unexpected(`must be there for everyone: they are ${count}`, count);
  }
  return requireCount(count, { expected, maxUsers });
}

export const countOf = async (calls: Calls, audience: NamelessAudience): Promise<number> =>
  (await calls.ask(CountAudience, { filter: audience.kind === "filter" ? audience.filter : null })).count;

/**
 * @throws LayerError 422 `invalid_property` `expected_count` where they are not as expected, `audience` where they are too
 * many
 */
export function requireCount(
  count: number,
  { expected, maxUsers }: Pick<AnnouncingToAudience, "expected" | "maxUsers">,
): number {
  if (expected !== null && Math.abs(count - expected.count) > expected.tolerance) {
    throw unexpected(`is ${expected.count}, give or take ${expected.tolerance}, and they are ${count}`, count);
  }
  if (count <= maxUsers) return count;
  throw layerError(
    "invalid_property",
    `audience is ${count} users, and an announcement of this app may reach ${maxUsers}`,
    {
      property: "audience",
      count,
      limit: maxUsers,
    },
  );
}

const unexpected = (reason: string, count: number): LayerError =>
  layerError("invalid_property", `expected_count ${reason}`, { property: "expected_count", count });
