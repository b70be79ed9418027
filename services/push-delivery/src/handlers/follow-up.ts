import { setTimeout as wait } from "node:timers/promises";
import type { AnnouncementCorrected, AnnouncementRecalled, PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Handler } from "@strata/messaging";
import type { ChunkRow, PushPlan, Target } from "../domain/chunk.ts";
import type { Subject } from "../domain/subject.ts";
import { ANNOUNCEMENT_FRESH_MS } from "../notifications.ts";
import { carryOut } from "../push-plan.ts";
import type { PushDeps } from "./push-batch.ts";

/**
 * What phones show follows a correction: whoever's push was taken gets the new text under the same collapse id, without
 * a sound. Those that still wait ask for the text anyway, when they are sent.
 */
export const followCorrection =
  (deps: PushDeps): Handler<PayloadOf<typeof AnnouncementCorrected>, never> =>
  async (delivery) => {
    const { announcementId, at, revision, hasNotification } = delivery.payload;
    await untilKnown(at);
    await follow(deps, delivery, {
      name: `correction-${revision}`,
      subject: { kind: "announcement", id: announcementId, follows: "correction" },
      hasNotification,
      expiresAt: at + deps.ttlMs,
    });
    return ack;
  };

/** The app is told, without anything to see, to take the notification with this collapse id away. */
export const followRecall =
  (deps: PushDeps): Handler<PayloadOf<typeof AnnouncementRecalled>, never> =>
  async (delivery) => {
    const { announcementId, at } = delivery.payload;
    await untilKnown(at);
    await follow(deps, delivery, {
      name: "recall",
      subject: { kind: "announcement", id: announcementId, follows: "recall" },
      hasNotification: false,
      expiresAt: at + deps.ttlMs,
    });
    return ack;
  };

/** By then nobody sends any more what was said before. */
const untilKnown = (at: number): Promise<void> => wait(Math.max(0, at + 2 * ANNOUNCEMENT_FRESH_MS - Date.now()));

interface FollowUp {
  readonly name: string;
  readonly subject: Subject;
  readonly hasNotification: boolean;
  readonly expiresAt: number;
}

/** One plan for each chunk, one after the other: a repeat finds those that are done, and memory holds one chunk. */
async function follow(deps: PushDeps, cause: Delivery<unknown>, { name, ...pushed }: FollowUp): Promise<void> {
  const { app } = cause;
  const { id } = pushed.subject;
  for (let row = await deps.chunks.nextTaken(app, id, null); row !== null;) {
    // Beside `<app>/<announcement>/…`: what follows is not counted among the announcement's pushes.
    const chunk = row._id.slice(`${app}/${id}/`.length);
    const plan: PushPlan = { planId: `${app}/${name}/${id}/${chunk}`, app, ...pushed };
    await carryOut(deps, plan, await targetsOf(deps, row), cause);
    row = await deps.chunks.nextTaken(app, id, row._id);
  }
}

/** The devices whose push was taken, as they are registered now. */
async function targetsOf({ devices }: PushDeps, { _id, app, outcomes }: ChunkRow): Promise<readonly Target[]> {
  const taken = outcomes.filter(({ outcome }) => outcome === "accepted");
  const shown = new Set(taken.map(({ user, device }) => JSON.stringify([user, device])));
  const partition = Number(_id.split("/")[2]);
  const users = [...new Set(taken.map(({ user }) => user))];
  const targets = await devices.ofUsers(app, partition, users);
  return targets.filter(({ userId, deviceId }) => shown.has(JSON.stringify([userId, deviceId])));
}
