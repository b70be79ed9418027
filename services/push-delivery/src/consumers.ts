import {
  AcceptNotification,
  AnnouncementCorrected,
  AnnouncementRecalled,
  BatchStored,
  ChangePushPreferences,
  GetDevice,
  DeletePushCredential,
  ExplainPush,
  ExternalUnreadChanged,
  GetNotification,
  GetPushCounts,
  GetPushOutcomes,
  GetPushPolicy,
  GetPushPreferences,
  ListCountedPushes,
  ListPushOutcomes,
  ListDevices,
  ListPushCredentials,
  MessageCreated,
  PreviewPushes,
  PushNotification,
  PutPushCredential,
  RegisterDevice,
  SetPushPolicy,
  RemoveDevice,
  SendCanary,
  UserDeleted,
  UserSuspended,
} from "@strata/contracts";
import { type Client, type Consumer, consumer, on, onGroup, type Publisher } from "@strata/messaging";
import type { Dependency } from "@strata/runtime";
import { changePushPreferences } from "./handlers/change-push-preferences.ts";
import type { CredentialCheck } from "./credential-check.ts";
import { deletePushCredential } from "./handlers/delete-push-credential.ts";
import { explainPush } from "./handlers/explain-push.ts";
import { followCorrection, followRecall } from "./handlers/follow-up.ts";
import { forgetUser } from "./handlers/forget-user.ts";
import { getDevice } from "./handlers/get-device.ts";
import { acceptNotification } from "./handlers/accept-notification.ts";
import { getNotification } from "./handlers/get-notification.ts";
import { getPushCounts } from "./handlers/get-push-counts.ts";
import { getPushOutcomes, listPushOutcomes } from "./handlers/get-push-outcomes.ts";
import { getPushPolicy } from "./handlers/get-push-policy.ts";
import { getPushPreferences } from "./handlers/get-push-preferences.ts";
import { listCountedPushes } from "./handlers/list-counted-pushes.ts";
import { listDevices } from "./handlers/list-devices.ts";
import { noteSuspension } from "./handlers/note-suspension.ts";
import { listPushCredentials } from "./handlers/list-push-credentials.ts";
import { previewPushes } from "./handlers/preview-pushes.ts";
import { pushBadge } from "./handlers/push-badge.ts";
import { pushBatch } from "./handlers/push-batch.ts";
import { pushMessage } from "./handlers/push-message.ts";
import { type NotificationDeps, pushNotification } from "./handlers/push-notification.ts";
import { putPushCredential } from "./handlers/put-push-credential.ts";
import { registerDevices } from "./handlers/register-devices.ts";
import { setPushPolicy } from "./handlers/set-push-policy.ts";
import type { PushPolicies } from "./push-policies.ts";
import { removeDevice } from "./handlers/remove-device.ts";
import { sendCanary } from "./handlers/send-canary.ts";
import type { CredentialKeys } from "./sealed-credential.ts";
import type { CanaryStore } from "./store/canary-store.ts";
import type { CapStore } from "./store/cap-store.ts";
import type { CredentialStore } from "./store/credential-store.ts";
import type { PolicyStore } from "./store/policy-store.ts";
import type { PreferenceStore } from "./store/preference-store.ts";

interface Deps extends NotificationDeps {
  readonly caps: CapStore;
  readonly credentials: CredentialStore;
  readonly policies: PolicyStore;
  readonly pushPolicies: PushPolicies;
  readonly preferences: PreferenceStore;
  readonly publisher: Publisher;
  readonly canaries: CanaryStore;
  /** Open sealed credentials. */
  readonly keys: CredentialKeys;
  readonly check: CredentialCheck;
  /** Asks other services. */
  readonly client: Client;
  readonly announcementFanout: Dependency;
  readonly conversation: Dependency;
  /** Knows to whom what is personal says what, where users' clocks are, and who blocks whom. */
  readonly directory: Dependency;
  /** Knows who has read an announcement. */
  readonly receiptTracking: Dependency;
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
    dependencies: [deps.mongo, deps.announcementFanout, deps.directory, deps.receiptTracking],
  }),
  consumer({
    queue: "push-delivery.messages",
    everyMs: 25,
    prefetch: deps.concurrency,
    handlers: [on(MessageCreated, pushMessage(deps))],
    dependencies: [deps.mongo, deps.conversation, deps.directory],
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
    dependencies: [deps.mongo, deps.directory],
  }),
  consumer({
    queue: "push-delivery.deleted-users",
    prefetch: 20,
    handlers: [on(UserDeleted, forgetUser(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "push-delivery.suspended-users",
    prefetch: 20,
    handlers: [on(UserSuspended, noteSuspension(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "push-delivery.badges",
    prefetch: deps.concurrency,
    handlers: [on(ExternalUnreadChanged, pushBadge(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "push-delivery.preferences",
    prefetch: 20,
    handlers: [on(ChangePushPreferences, changePushPreferences(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "push-delivery.devices",
    prefetch: 200,
    handlers: [onGroup(RegisterDevice, registerDevices(deps)), on(RemoveDevice, removeDevice(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "push-delivery.admin",
    // Above the checks that may be under way at once, so that one provider that hangs keeps no other command waiting.
    prefetch: 100,
    handlers: [
      on(PutPushCredential, putPushCredential(deps)),
      on(DeletePushCredential, deletePushCredential(deps)),
      on(SetPushPolicy, setPushPolicy(deps)),
    ],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "push-delivery.canaries",
    prefetch: 20,
    handlers: [on(SendCanary, sendCanary(deps))],
    dependencies: [deps.mongo],
  }),
  consumer({
    queue: "push-delivery.queries",
    handlers: [
      on(GetDevice, getDevice(deps)),
      on(ListDevices, listDevices(deps)),
      on(ListCountedPushes, listCountedPushes(deps)),
      on(ListPushCredentials, listPushCredentials(deps)),
      on(PreviewPushes, previewPushes(deps)),
      on(GetPushCounts, getPushCounts(deps)),
      on(GetPushOutcomes, getPushOutcomes(deps)),
      on(ListPushOutcomes, listPushOutcomes(deps)),
      on(ExplainPush, explainPush(deps)),
      on(GetPushPolicy, getPushPolicy(deps)),
      on(GetPushPreferences, getPushPreferences(deps)),
      on(GetNotification, getNotification(deps)),
    ],
    dependencies: [deps.mongo],
  }),
];
