import { ChangeSegment, CreateSegment, DeleteSegment, GetSegment, ListSegments } from "@strata/contracts";
import { digestOf, intentOf } from "@strata/doors";
import {
  chosenObjectId,
  notFound,
  OBJECT_PAGES,
  parseIdempotencyKey,
  parseIfNoneMatch,
  parseObjectId,
  parsePaging,
  parseSegment,
  parseSegmentChange,
  requireJsonObject,
  segmentView,
} from "@strata/layer-protocol";
import { z } from "zod";
import { onePage } from "../http/page.ts";
import { type Answer, type Call, created, noContent, ok, type Route } from "../http/route.ts";
import { SegmentBody, SegmentChangeBody, SegmentView } from "../openapi/audience-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath, CreationHeaders, LayerCount, pagingOf, SegmentPath } from "../openapi/parameters.ts";
import { segmentAudience } from "./segment-audience.ts";
import { findSegment, segmentIdOf } from "./find-segment.ts";

interface Options {
  readonly maxBodyBytes: number;
  /** Looking through all users of an app takes its time. */
  readonly longListDeadlineMs: number;
}

const path = "/apps/:app/segments";
const oneOf = `${path}/:segment`;

/** Filters under a name. */
export const segmentRoutes = ({ maxBodyBytes, longListDeadlineMs }: Options): readonly Route[] => [
  creating(maxBodyBytes),
  listing(),
  getting(),
  changing(maxBodyBytes),
  deleting(),
  ...segmentAudience({ longListDeadlineMs }),
];

const creating = (maxBodyBytes: number): Route => ({
  method: "post",
  path,
  access: "announcements:write",
  maxBodyBytes,
  operation: operation({
    id: "createSegment",
    tag: "Audiences",
    summary: "Give a filter a name",
    description: "A name that another segment has is 409 `conflict`.",
    path: AppPath,
    headers: CreationHeaders,
    body: SegmentBody,
    answer: { status: 201, description: "Created", schema: SegmentView },
    errors: [409, 413, 422],
  }),
  handle: create,
});

async function create(call: Call): Promise<Answer> {
  const ifNoneMatch = parseIfNoneMatch(call.header("If-None-Match"));
  const idempotencyKey = parseIdempotencyKey(call.header("Idempotency-Key"));
  const fields = requireJsonObject(call.body);
  const wanted = parseSegment(fields);
  const chosenId = chosenObjectId("segments", ifNoneMatch, fields);
  const intent = intentOf({ scope: `${call.wire.appId}/segments`, chosenId, idempotencyKey });
  const { outcome, segment } = await call.calls.request(
    CreateSegment,
    { segmentId: intent.id, ...wanted, at: Date.now() },
    { id: intent.commandId(() => digestOf(wanted)) },
  );
  const view = segment && segmentView(call.wire, segment);
  if (outcome === "in-use") throw intent.inUse(view);
  return created(view);
}

const listing = (): Route => ({
  method: "get",
  path,
  access: "announcements:read",
  operation: operation({
    id: "listSegments",
    tag: "Audiences",
    summary: "An app's segments, by name",
    path: AppPath,
    query: pagingOf(OBJECT_PAGES, "UUID or URI of a segment"),
    answer: { status: 200, description: "One page", schema: z.array(SegmentView), headers: LayerCount },
    errors: [404, 422],
  }),
  handle: list,
});

async function list(call: Call): Promise<Answer> {
  const { pageSize, fromId } = parsePaging(call.query, OBJECT_PAGES, (text) => parseObjectId("segments", text));
  const from = fromId === null ? null : (await call.calls.ask(GetSegment, { segmentId: fromId })).segment;
  if (fromId !== null && from === null) throw notFound("from_id names no row of this list");
  const { segments, total } = await call.calls.ask(ListSegments, { after: from && from.name, limit: pageSize });
  return onePage(
    segments.map((segment) => segmentView(call.wire, segment)),
    total,
  );
}

const getting = (): Route => ({
  method: "get",
  path: oneOf,
  access: "announcements:read",
  operation: operation({
    id: "getSegment",
    tag: "Audiences",
    summary: "A segment",
    path: SegmentPath,
    answer: { status: 200, description: "The segment", schema: SegmentView },
    errors: [404],
  }),
  handle: async (call) => ok(segmentView(call.wire, await findSegment(call))),
});

const changing = (maxBodyBytes: number): Route => ({
  method: "patch",
  path: oneOf,
  access: "announcements:write",
  maxBodyBytes,
  operation: operation({
    id: "changeSegment",
    tag: "Audiences",
    summary: "Change a segment's name or filter",
    description:
      "A JSON object, no Layer-Patch: what it does not name stays as it is. Announcements keep the filter that they were " +
      "accepted with.",
    path: SegmentPath,
    body: SegmentChangeBody,
    answer: { status: 200, description: "The segment as it is now", schema: SegmentView },
    errors: [404, 409, 413, 422],
  }),
  handle: change,
});

async function change(call: Call): Promise<Answer> {
  const wanted = parseSegmentChange(call.body);
  const segment = await call.calls.request(ChangeSegment, { segmentId: segmentIdOf(call), ...wanted, at: Date.now() });
  return ok(segmentView(call.wire, segment));
}

const deleting = (): Route => ({
  method: "delete",
  path: oneOf,
  access: "announcements:write",
  operation: operation({
    id: "deleteSegment",
    tag: "Audiences",
    summary: "Delete a segment",
    description: "Announcements keep the filter that they were accepted with.",
    path: SegmentPath,
    answer: { status: 204, description: "Deleted" },
    errors: [404],
  }),
  handle: async (call) => {
    await call.calls.request(DeleteSegment, { segmentId: segmentIdOf(call), at: Date.now() });
    return noContent;
  },
});
