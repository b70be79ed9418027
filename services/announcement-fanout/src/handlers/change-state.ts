import {
  AnnouncementCanceled,
  AnnouncementPaused,
  AnnouncementRecalled,
  AnnouncementResumed,
  type AnnouncementState,
  type PauseAnnouncement,
  type PayloadOf,
  type StateReply,
} from "@strata/contracts";
import { type Delivery, type Handler, reply } from "@strata/messaging";
import { announcementKey } from "../domain/batch.ts";
import { announcementIdOf, cutoffOf, type Header, isForEveryoneAtOnce, isOpenToNewcomers } from "../domain/header.ts";
import type { HeaderChange } from "../store/announcement-store.ts";
import { wakeSlots } from "./begin-distribution.ts";
import { finishIfComplete } from "./finish-if-complete.ts";
import { progressOf } from "./progress.ts";
import type { FanOutDeps } from "./take-step.ts";

type Payload = PayloadOf<typeof PauseAnnouncement>;

interface Change {
  readonly from: (known: Header | null) => readonly AnnouncementState[];
  readonly to: AnnouncementState;
  readonly event: typeof AnnouncementPaused;
  readonly change?: (known: Header | null) => HeaderChange;
  /** What follows from it; done again when the command comes again. */
  readonly follow: (deps: FanOutDeps, header: Header, delivery: Delivery<Payload>) => Promise<void>;
}

/**
 * A change of state, what follows from it, and its event. The same command again does all of it again, with the same
 * effect; another one that asks for what is the case already changes nothing and is done, too.
 */
const changing =
  ({ from, to, event, follow, change = () => ({}) }: Change) =>
  (deps: FanOutDeps): Handler<Payload, StateReply> =>
  async (delivery) => {
    const { app, id, payload } = delivery;
    const { announcements, broker } = deps;
    const known = await announcements.find(app, payload.announcementId);
    const isNew = known?.changes.every(({ by }) => by !== id) ?? true;
    const moved = isNew
      ? await announcements.move(announcementKey(app, payload.announcementId), from(known), to, {
          by: id,
          change: change(known),
        })
      : null;
    const header = moved ?? (await announcements.find(app, payload.announcementId));
    if (!header) return reply({ outcome: "not-found", progress: null });
    const own = header.changes.find(({ by }) => by === id);
    if (own) {
      await follow(deps, header, delivery);
      const { version, at } = own;
      const options = { cause: delivery, subjectVersion: version };
      await broker.emit(event, app, { announcementId: payload.announcementId, version, at }, options);
    }
    const outcome = own || header.state === to ? "done" : "wrong-state";
    return reply({ outcome, progress: await progressOf(deps, header) });
  };

/** What everybody has may still be on its way to newcomers. */
const whileOpen = (known: Header | null): readonly AnnouncementState[] =>
  known && isOpenToNewcomers(known) ? ["distributed"] : [];

export const pauseAnnouncement = changing({
  from: (known) => ["distributing", ...whileOpen(known)],
  to: "paused",
  event: AnnouncementPaused,
  async follow({ partitions }, { state }, { app, payload }) {
    if (state === "paused") await partitions.hold(app, payload.announcementId);
  },
});

export const resumeAnnouncement = changing({
  from: () => ["paused"],
  to: "distributing",
  event: AnnouncementResumed,
  async follow(deps, header, delivery) {
    await wakeSlots(deps, header, delivery);
    // The last batch may have come after the pause.
    await finishIfComplete(deps, header, delivery);
  },
});

/** Gone from the inboxes with this very write; what is not yet written is not written. */
const recall = changing({
  from: () => ["distributing", "paused", "distributed", "canceled"],
  to: "recalled",
  event: AnnouncementRecalled,
  change: () => ({ hidesFrom: Date.now() }),
  follow: wakeSlots,
});

/** Before its start there is nothing to take back: it is canceled. */
export const recallAnnouncement =
  (deps: FanOutDeps): Handler<Payload, StateReply> =>
  async (delivery) => {
    const header = await deps.announcements.find(delivery.app, delivery.payload.announcementId);
    const isUnstarted = header?.state === "accepting" || header?.state === "scheduled";
    const isOwn = header?.state === "canceled" && header.changes.some(({ by }) => by === delivery.id);
    return (isUnstarted || isOwn ? cancelAnnouncement : recall)(deps)(delivery);
  };

const UNSTARTED: readonly AnnouncementState[] = ["accepting", "scheduled"];

/**
 * The workers find out after their step, and end what is left. What is for everyone at one moment is in all inboxes as
 * soon as it has begun, and nothing is left to be ended but what newcomers would get: it can be recalled.
 */
export const cancelAnnouncement = changing({
  from: (known) => [
    ...(known && isForEveryoneAtOnce(known) ? UNSTARTED : [...UNSTARTED, "distributing" as const, "paused" as const]),
    ...whileOpen(known),
  ],
  to: "canceled",
  event: AnnouncementCanceled,
  change: (known) => {
    const until = known?.includeNewUsersUntil ?? null;
    return until === null ? {} : { includeNewUsersUntil: Math.min(until, Date.now()) };
  },
  async follow(deps, header, delivery) {
    if (header.includeNewUsersUntil !== null && isForEveryoneAtOnce(header)) {
      await deps.batches.closeToNewcomers(header.app, announcementIdOf(header), cutoffOf(header));
    }
    await wakeSlots(deps, header, delivery);
  },
});
