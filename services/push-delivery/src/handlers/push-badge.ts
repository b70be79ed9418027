import { type ExternalUnreadChanged, partitionOf, type PayloadOf } from "@strata/contracts";
import { ack, type Handler } from "@strata/messaging";
import { carryOut } from "../push-plan.ts";
import type { PushDeps } from "./push-batch.ts";

/** The same for all: on a phone that was off, the last one counts. */
const subject = { kind: "badge", id: "badge" } as const;

/** What the app itself counts for a user is another number: her phones show it, without anything to see or hear beside it. */
export const pushBadge =
  (deps: PushDeps): Handler<PayloadOf<typeof ExternalUnreadChanged>, never> =>
  async (delivery) => {
    const { app, id, sentAt, payload } = delivery;
    const { userId } = payload;
    const devices = await deps.devices.ofUsers(app, partitionOf(userId), [userId]);
    const phones = devices.filter(({ platform }) => platform === "ios");
    // Asked here too, and again when it is sent: without a number it would wake the app for nothing.
    const badges = await deps.badges.of({ app, subject }, phones);
    if (!badges.has(userId)) return ack;
    const at = sentAt.getTime();
    // Beside `<app>/<announcement>/…`: counted nowhere.
    const plan = { planId: `${app}/badge/${id}`, app, subject, hasNotification: false, at, expiresAt: at + deps.ttlMs };
    await carryOut(deps, plan, phones, delivery);
    return ack;
  };
