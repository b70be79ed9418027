import {
  type ChangeSegment,
  type CreateSegment,
  type DeleteSegment,
  type EmptyReply,
  type GetSegment,
  type ListSegments,
  type PayloadOf,
  type ReplyOf,
  type Segment,
  SegmentCreated,
  SegmentDeleted,
  SegmentUpdated,
} from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { audienceQuery } from "../domain/audience-query.ts";
import type { AudienceStore } from "../store/audience-store.ts";
import type { SegmentStore } from "../store/segment-store.ts";

interface Deps {
  readonly segments: SegmentStore;
  readonly audiences: AudienceStore;
  readonly publisher: Publisher;
}

const nameTaken = () => refuse(new DomainError("conflict", { property: "name" }));

/** Stores a filter under a name of its own. A filter that the database cannot ask for is refused before. */
export const createSegment =
  ({ segments, audiences, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof CreateSegment>>): Promise<Outcome<ReplyOf<typeof CreateSegment>>> => {
    const { app, id, payload } = delivery;
    const { segmentId, name, filter, at } = payload;
    await audiences.check(audienceQuery(filter));
    const segment = { segmentId, name, filter, createdAt: at, updatedAt: at, version: 1 };
    const inserted = await segments.insert(app, segment, id);
    if (inserted.kind === "name-taken") return nameTaken();
    if (inserted.kind === "in-use") return reply({ outcome: "in-use", segment: inserted.segment });
    const { version } = inserted.segment;
    await publisher.emit(
      SegmentCreated,
      app,
      { segmentId, version },
      { id: `${id}.segment-created`, cause: delivery, subjectVersion: version },
    );
    return reply({ outcome: "created", segment: inserted.segment });
  };

/** Gives a segment another name or another filter; announcements under way keep the one they were accepted with. */
export const changeSegment =
  ({ segments, audiences, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof ChangeSegment>>): Promise<Outcome<Segment>> => {
    const { app, id, payload } = delivery;
    const { segmentId, at, ...change } = payload;
    if (change.filter) await audiences.check(audienceQuery(change.filter));
    const segment = await segments.change(app, segmentId, change, at, id);
    if (segment === "name-taken") return nameTaken();
    if (!segment) return refuse(new DomainError("not_found"));
    const { version } = segment;
    await publisher.emit(
      SegmentUpdated,
      app,
      { segmentId, version },
      { id: `${id}.segment-updated`, cause: delivery, subjectVersion: version },
    );
    return reply(segment);
  };

/** Deletes a segment for good: its id is not free again. */
export const deleteSegment =
  ({ segments, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof DeleteSegment>>): Promise<Outcome<EmptyReply>> => {
    const { app, id, payload } = delivery;
    const { segmentId, at } = payload;
    const version = await segments.delete(app, segmentId, at, id);
    if (version === null) return refuse(new DomainError("not_found"));
    await publisher.emit(
      SegmentDeleted,
      app,
      { segmentId, version },
      { id: `${id}.segment-deleted`, cause: delivery, subjectVersion: version },
    );
    return ack;
  };

/** One segment. */
export const getSegment =
  ({ segments }: Pick<Deps, "segments">) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof GetSegment>>): Promise<Outcome<ReplyOf<typeof GetSegment>>> =>
    reply({ segment: await segments.find(app, payload.segmentId) });

/** An app's segments, by name. */
export const listSegments =
  ({ segments }: Pick<Deps, "segments">) =>
  async ({
    app,
    payload: { after, limit },
  }: Delivery<PayloadOf<typeof ListSegments>>): Promise<Outcome<ReplyOf<typeof ListSegments>>> => {
    const [page, total] = await Promise.all([segments.list(app, after, limit), segments.count(app)]);
    return reply({ segments: [...page], total });
  };
