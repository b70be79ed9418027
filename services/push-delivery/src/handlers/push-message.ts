import { type MessageCreated, partitionOf, type PayloadOf } from "@strata/contracts";
import { ack, type Handler } from "@strata/messaging";
import { messagePlanId } from "../domain/plan-id.ts";
import { carryOut } from "../push-plan.ts";
import type { PushDeps } from "./push-batch.ts";

/** Pushes a message to the devices of its recipients, who are spread over the partitions: one plan for all of them. */
export const pushMessage =
  (deps: PushDeps): Handler<PayloadOf<typeof MessageCreated>, never> =>
  async (delivery) => {
    const { app, payload } = delivery;
    const { conversationId, messageId: id, sentAt, sender, hasNotification, recipients } = payload;
    const subject = { kind: "message", id, conversationId } as const;
    const planId = messagePlanId(app, id);
    const from = "userId" in sender ? { senderId: sender.userId } : {};
    const plan = { planId, app, subject, hasNotification, at: sentAt, expiresAt: sentAt + deps.ttlMs, ...from };
    const found = await Promise.all(
      [...Map.groupBy(recipients, partitionOf)].map(([partition, userIds]) =>
        deps.devices.ofUsers(app, partition, userIds),
      ),
    );
    await carryOut(deps, plan, found.flat(), delivery);
    return ack;
  };
