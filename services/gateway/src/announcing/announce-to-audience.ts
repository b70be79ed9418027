import {
  type AcceptReply,
  type AnnouncementContent,
  type AnnouncementTerms,
  AnnounceToAudience,
  CountAudience,
  GetSegment,
  type NamelessAudience,
} from "@strata/contracts";
import {
  type ExpectedCount,
  invalidProperty,
  layerError,
  type LayerError,
  type RequestedAudience,
} from "@strata/layer-protocol";
import { announcementDigest } from "../domain/announcement-digest.ts";
import type { Intent } from "../domain/intent.ts";
import type { Calls } from "../http/calls.ts";

export interface AnnouncingToAudience {
  readonly intent: Intent;
  readonly content: AnnouncementContent & AnnouncementTerms;
  readonly audience: RequestedAudience;
  readonly expected: ExpectedCount | null;
}

/**
 * Hands an announcement to an audience over; it is durable when this answers. Counted is only where the caller expects a
 * number, as for everyone she must, so that it takes the same time whatever the number.
 * @throws LayerError 422 `invalid_property` `audience.segment` or `expected_count`
 */
export async function announceToAudience(
  calls: Calls,
  countDeadlineMs: number,
  { intent, content, audience: requested, expected }: AnnouncingToAudience,
): Promise<AcceptReply> {
  const audience = await audienceOf(calls, requested);
  const recipientCount = await countedAsExpected(calls.within(countDeadlineMs), audience, expected);
  const meaning = { ...content, audience: requested };
  const digest = announcementDigest(meaning, []);
  const payload = { ...content, announcementId: intent.id, digest, audience, recipientCount };
  return calls.request(AnnounceToAudience, payload, { id: intent.commandId(digest) });
}

/** A segment is its filter as it is now. */
async function audienceOf(calls: Calls, requested: RequestedAudience): Promise<NamelessAudience> {
  if (requested.kind === "everyone") return requested;
  if (requested.kind === "filter") return { ...requested, segmentId: null };
  const { segment } = await calls.ask(GetSegment, { segmentId: requested.segmentId });
  if (segment === null) throw invalidProperty("audience.segment", "names no segment");
  return { kind: "filter", filter: segment.filter, segmentId: requested.segmentId };
}

async function countedAsExpected(
  calls: Calls,
  audience: NamelessAudience,
  expected: ExpectedCount | null,
): Promise<number | null> {
  if (expected === null && audience.kind === "filter") return null;
  const { count } = await calls.ask(CountAudience, { filter: audience.kind === "filter" ? audience.filter : null });
  if (expected === null) throw unexpected(`must be there for everyone: they are ${count}`, count);
  if (Math.abs(count - expected.count) <= expected.tolerance) return count;
  throw unexpected(`is ${expected.count}, give or take ${expected.tolerance}, and they are ${count}`, count);
}

const unexpected = (reason: string, count: number): LayerError =>
  layerError("invalid_property", `expected_count ${reason}`, { property: "expected_count", count });
