import {
  type AudienceFilter,
  CountAudience,
  MatchUsers,
  PARTITIONS,
  partitionOf,
  settleAudienceTimes,
} from "@strata/contracts";
import type { Calls } from "@strata/doors";
import { formatUserReference, parsePaging, parseUserCursor, USER_PAGES } from "@strata/layer-protocol";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { SegmentCountView, SegmentUsersView } from "../openapi/audience-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { pagingOf, SegmentPath } from "../openapi/parameters.ts";
import { findSegment } from "./find-segment.ts";

interface Options {
  readonly longListDeadlineMs: number;
}

/** Who is in a segment now, and how many. */
export const segmentAudience = ({ longListDeadlineMs }: Options): readonly Route[] => [
  {
    method: "get",
    path: "/apps/:app/segments/:segment/count",
    access: "announcements:read",
    operation: operation({
      id: "countSegment",
      tag: "Audiences",
      summary: "How many users are in a segment now",
      description: "422 `invalid_operation` when that cannot be counted in time.",
      path: SegmentPath,
      answer: { status: 200, description: "The count", schema: SegmentCountView },
      errors: [404, 422],
    }),
    handle: (call) => count(call, longListDeadlineMs),
  },
  {
    method: "get",
    path: "/apps/:app/segments/:segment/users",
    access: "announcements:read",
    operation: operation({
      id: "listSegmentUsers",
      tag: "Audiences",
      summary: "Who is in a segment now",
      description: "In an order of their own that stays. A page with fewer users than asked for is the last one.",
      path: SegmentPath,
      query: pagingOf(USER_PAGES, "Identity URI or user id of one of them"),
      answer: { status: 200, description: "One page", schema: SegmentUsersView },
      errors: [404, 422],
    }),
    handle: (call) => list(call, longListDeadlineMs),
  },
];

async function count(call: Call, deadlineMs: number): Promise<Answer> {
  const { filter } = await findSegment(call);
  return ok(await call.calls.within(deadlineMs).ask(CountAudience, { filter }));
}

async function list(call: Call, deadlineMs: number): Promise<Answer> {
  const { pageSize, fromId } = parsePaging(call.query, USER_PAGES, parseUserCursor);
  const { filter } = await findSegment(call);
  const userIds = await usersBehind(call.calls.within(deadlineMs), filter, fromId, pageSize);
  return ok(userIds.map((userId) => formatUserReference(call.wire.version, userId)));
}

/** By partition, and within one by user id: a user's partition follows from her id, so she alone says where to go on. */
async function usersBehind(calls: Calls, filter: AudienceFilter, fromId: string | null, size: number) {
  const now = Date.now();
  const settled = settleAudienceTimes(filter, now);
  const found: string[] = [];
  let partition = fromId === null ? 0 : partitionOf(fromId);
  let after = fromId;
  while (partition < PARTITIONS && found.length < size) {
    const page = { filter: settled, partition, after, createdBefore: now, limit: size - found.length };
    const { userIds, next } = await calls.ask(MatchUsers, page);
    found.push(...userIds);
    after = next;
    if (next === null) partition += 1;
  }
  return found;
}
