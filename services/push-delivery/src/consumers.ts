import {
  AcceptNotification,
  AnnouncementCorrected,
  AnnouncementRecalled,
  BatchStored,
  GetNotification,
  GetPushCounts,
  GetPushOutcomes,
  ListDevices,
  MessageCreated,
  PreviewPushes,
  PushNotification,
  PutPushCredential,
  RegisterDevice,
  UserDeleted,
} from "@strata/contracts";
import { type Consumer, consumer, on, onGroup, type Publisher } from "@strata/messaging";
import type { Dependency } from "@strata/runtime";
import { acceptNotification } from "./handlers/accept-notification.ts";
import { followCorrection, followRecall } from "./handlers/follow-up.ts";
import { forgetUser } from "./handlers/forget-user.ts";
import { getNotification } from "./handlers/get-notification.ts";
import { getPushCounts } from "./handlers/get-push-counts.ts";
import { getPushOutcomes } from "./handlers/get-push-outcomes.ts";
import { listDevices } from "./handlers/list-devices.ts";
import { previewPushes } from "./handlers/preview-pushes.ts";
import { pushBatch } from "./handlers/push-batch.ts";
import { pushMessage } from "./handlers/push-message.ts";
import { type NotificationDeps, pushNotification } from "./handlers/push-notification.ts";
import { putPushCredential } from "./handlers/put-push-credential.ts";
import { registerDevices } from "./handlers/register-devices.ts";
import type { CredentialStore } from "./store/credential-store.ts";

interface Deps extends NotificationDeps {
  readonly credentials: CredentialStore;
  readonly publisher: Publisher;
  /** Opens sealed credentials. */
  readonly key: Buffer;
  readonly announcementFanout: Dependency;
  readonly conversation: Dependency;
  /** Knows to whom what is personal says what. */
  readonly directory: Dependency;
  readonly concurrency: number;
}

/** Everything this service listens to. */
export const consumers = (deps: Deps): readonly Consumer[] => [
  consumer({
    queue: "push-delivery.announcements",
    prefetch: deps.concurrency,
    handlers: [
      on(BatchStored, pushBatch(deps)),
      on(AnnouncementCorrected, followCorrection(deps)),
      on(AnnouncementRecalled, followRecall(deps)),
    ],
    dependencies: [deps.mongo, deps.announcementFanout, deps.directory],
  }),
  consumer({
    queue: "push-delivery.messages",
    prefetch: deps.concurrency,
    handlers: [on(MessageCreated, pushMessage(deps))],
    dependencies: [deps.mongo, deps.conversation],
  }),
  consumer({
    queue: "push-delivery.new-notifications",
    prefetch: 50,
    handlers: [on(AcceptNotification, acceptNotification(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "push-delivery.notifications",
    prefetch: deps.concurrency,
    handlers: [on(PushNotification, pushNotification(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "push-delivery.deleted-users",
    prefetch: 20,
    handlers: [on(UserDeleted, forgetUser(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "push-delivery.devices",
    prefetch: 200,
    handlers: [onGroup(RegisterDevice, registerDevices(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "push-delivery.admin",
    prefetch: 20,
    handlers: [on(PutPushCredential, putPushCredential(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "push-delivery.queries",
    handlers: [
      on(ListDevices, listDevices(deps)),
      on(PreviewPushes, previewPushes(deps)),
      on(GetPushCounts, getPushCounts(deps)),
      on(GetPushOutcomes, getPushOutcomes(deps)),
      on(GetNotification, getNotification(deps)),
    ],
    dependencies: [deps.mongo],
  }),
];
