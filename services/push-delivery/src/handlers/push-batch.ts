import type { BatchStored, PayloadOf } from "@strata/contracts";
import { ack, deadLetter, type Handler } from "@strata/messaging";
import { carryOut, type PushPlanDeps } from "../push-plan.ts";

export interface PushDeps extends PushPlanDeps {
  readonly ttlMs: number;
}

/** Pushes a batch of an announcement to the devices of its recipients. */
export const pushBatch =
  (deps: PushDeps): Handler<PayloadOf<typeof BatchStored>, never> =>
  async (delivery) => {
    const { app, payload } = delivery;
    const { announcementId, batchId, partition, at, hasNotification, isSilent, category, senderId, recipients } =
      payload;
    if (!batchId.startsWith(`${app}/${announcementId}/`)) return deadLetter("foreign_batch");
    if (isSilent) return ack;
    const subject = { kind: "announcement", id: announcementId } as const;
    const plan = {
      planId: batchId,
      app,
      subject,
      hasNotification,
      at,
      ...(typeof category === "string" ? { category } : {}),
      ...(payload.priority === "urgent" ? { isUrgent: true } : {}),
      ...(senderId === undefined ? {} : { senderId }),
      endsAt: payload.expiresAt ?? null,
      expiresAt: Math.min(at + deps.ttlMs, payload.expiresAt ?? Number.POSITIVE_INFINITY),
    };
    await carryOut(deps, plan, await deps.devices.ofUsers(app, partition, recipients), delivery);
    return ack;
  };
