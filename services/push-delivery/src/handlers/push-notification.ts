import { type PayloadOf, partitionOf, type PushNotification } from "@strata/contracts";
import { ack, deadLetter, type Handler } from "@strata/messaging";
import { carryOut } from "../push-plan.ts";
import type { NotificationStore } from "../store/notification-store.ts";
import type { PushDeps } from "./push-batch.ts";

export interface NotificationDeps extends PushDeps {
  readonly pushNotifications: NotificationStore;
}

/** Pushes what comes without a message to one group of its recipients: one plan, the same whenever the command comes again. */
export const pushNotification =
  (deps: NotificationDeps): Handler<PayloadOf<typeof PushNotification>, never> =>
  async (delivery) => {
    const { app, payload } = delivery;
    const { notificationId: id, group, recipients } = payload;
    const stored = await deps.pushNotifications.find(app, id);
    // It is accepted before the first group is sent, and outlives its pushes.
    if (stored === null) return deadLetter("unknown_notification");
    const plan = {
      planId: `${notificationKey(app, id)}/${String(group).padStart(4, "0")}`,
      app,
      subject: { kind: "notification", id } as const,
      hasNotification: true,
      at: stored.at,
      expiresAt: stored.expiresAt,
    };
    const found = await Promise.all(
      [...Map.groupBy(recipients, partitionOf)].map(([partition, userIds]) =>
        deps.devices.ofUsers(app, partition, userIds),
      ),
    );
    await carryOut(deps, plan, found.flat(), delivery);
    await deps.pushNotifications.markPlanned(app, id, group);
    return ack;
  };

/** What its plans begin with: beside `<app>/<announcement>/…`, since it may have the id of an announcement. */
const notificationKey = (app: string, notificationId: string): string => `${app}/${planned(notificationId)}`;

/** Where the ledger has it, in place of an announcement's id. */
export const planned = (notificationId: string): string => `notification/${notificationId}`;
