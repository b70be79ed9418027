import {
  AnnouncementCanceled,
  AnnouncementPaused,
  AnnouncementResumed,
  type AnnouncementState,
  type PauseAnnouncement,
  type PayloadOf,
  type StateReply,
} from "@strata/contracts";
import { type Delivery, type Handler, reply } from "@strata/messaging";
import { announcementKey } from "../domain/batch.ts";
import type { Header } from "../domain/header.ts";
import { wakeSlots } from "./begin-distribution.ts";
import { finishIfComplete } from "./finish-if-complete.ts";
import { progressOf } from "./progress.ts";
import type { FanOutDeps } from "./take-step.ts";

type Payload = PayloadOf<typeof PauseAnnouncement>;

interface Change {
  readonly from: readonly AnnouncementState[];
  readonly to: AnnouncementState;
  readonly event: typeof AnnouncementPaused;
  /** What follows from it; done again when the command comes again. */
  readonly follow: (deps: FanOutDeps, header: Header, delivery: Delivery<Payload>) => Promise<void>;
}

/**
 * A change of state, what follows from it, and its event. The same command again does all of it again, with the same
 * effect; another one that asks for what is the case already changes nothing and is done, too.
 */
const changing =
  ({ from, to, event, follow }: Change) =>
  (deps: FanOutDeps): Handler<Payload, StateReply> =>
  async (delivery) => {
    const { app, id, payload } = delivery;
    const { announcements, broker } = deps;
    const known = await announcements.find(app, payload.announcementId);
    const isNew = known?.changes.every(({ by }) => by !== id) ?? true;
    const moved = isNew
      ? await announcements.move(announcementKey(app, payload.announcementId), from, to, { by: id })
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

export const pauseAnnouncement = changing({
  from: ["distributing"],
  to: "paused",
  event: AnnouncementPaused,
  async follow({ partitions }, { state }, { app, payload }) {
    if (state === "paused") await partitions.hold(app, payload.announcementId);
  },
});

export const resumeAnnouncement = changing({
  from: ["paused"],
  to: "distributing",
  event: AnnouncementResumed,
  async follow(deps, header, delivery) {
    await wakeSlots(deps, header, delivery);
    // The last batch may have come after the pause.
    await finishIfComplete(deps, header, delivery);
  },
});

/** The workers find out after their step, and end what is left. */
export const cancelAnnouncement = changing({
  from: ["accepting", "scheduled", "distributing", "paused"],
  to: "canceled",
  event: AnnouncementCanceled,
  follow: wakeSlots,
});
