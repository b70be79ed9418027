import {
  type ExplainPush,
  GetAnnouncement,
  GetMessageNotification,
  type PayloadOf,
  type ReplyOf,
} from "@strata/contracts";
import { type Cause, type Client, type Handler, reply } from "@strata/messaging";
import { isSilent, notificationFor } from "@strata/push-payload";
import type { ChunkRow } from "../domain/chunk.ts";
import { announcementPlansOf, messagePlanId } from "../domain/plan-id.ts";
import { categoryOf } from "../domain/policy.ts";
import type { DecisionAsked, PushAbout, PushDecisions } from "../push-decisions.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { DeviceStore } from "../store/device-store.ts";

interface Deps {
  readonly decisions: PushDecisions;
  readonly chunks: Pick<ChunkStore, "ofUser">;
  readonly devices: Pick<DeviceStore, "ofUser">;
  readonly client: Pick<Client, "ask">;
  readonly ttlMs: number;
}

type Asked = PayloadOf<typeof ExplainPush>;
/** What is pushed, as far as it is not known from the push itself. */
type Said = Pick<DecisionAsked, "senderId" | "isUrgent"> & PushAbout;

/** What would become of a push to a user now: decided by what decides in delivery, which takes no place under a cap here. */
export const explainPush =
  (deps: Deps): Handler<Asked, ReplyOf<typeof ExplainPush>> =>
  async (delivery) => {
    const { app, payload } = delivery;
    const { userId, subject } = payload;
    const [said, row, owned] = await Promise.all([
      saidOf(deps, app, payload, delivery),
      rowOf(deps, app, payload),
      deps.devices.ofUser(app, userId),
    ]);
    if (said === null) return reply({ explanation: null });
    const at = row?.at ?? Date.now();
    const decisionOn = await deps.decisions.of(
      {
        app,
        subject,
        senderId: said.senderId,
        isUrgent: said.isUrgent,
        isFollowUp: false,
        at,
        expiresAt: row?.expiresAt ?? at + deps.ttlMs,
        userIds: [userId],
        about: () => said,
      },
      false,
      delivery,
    );
    const { decision, policy, until, timeZone, checks } = decisionOn(userId);
    return reply({
      explanation: {
        decision,
        policy,
        until,
        category: said.category,
        timeZone,
        checks: [...checks],
        devices: owned.length,
      },
    });
  };

/** Null: there is no such announcement or message. */
async function saidOf(
  { client }: Deps,
  app: string,
  { userId, subject, category, isUrgent }: Asked,
  cause: Cause,
): Promise<Said | null> {
  const { kind, id } = subject;
  if (id === null) return { senderId: null, isUrgent, category: categoryOf(kind, category), isSilent: false };
  if (kind === "announcement") {
    const { progress } = await client.ask(GetAnnouncement, app, { announcementId: id }, { cause });
    if (progress === null) return null;
    const { sender, notification, priority, category: named } = progress.announcement;
    return {
      senderId: "userId" in sender ? sender.userId : null,
      isUrgent: priority === "urgent",
      category: categoryOf(kind, named),
      isSilent: notification === null || isSilent(notificationFor(notification, userId)),
    };
  }
  const { notification, sender } = await client.ask(GetMessageNotification, app, { messageId: id }, { cause });
  if (sender === null) return null;
  const content = notification === null ? {} : notificationFor(notification, userId);
  return {
    // Who blocks him is no recipient, so that delivery asks only about what has waited.
    senderId: "userId" in sender ? sender.userId : null,
    isUrgent: false,
    category: categoryOf(kind, content.category),
    isSilent: isSilent(content),
  };
}

/** Her push, where it is planned: it counts its delay from then. */
async function rowOf({ chunks }: Deps, app: string, { userId, subject }: Asked): Promise<ChunkRow | null> {
  if (subject.id === null) return null;
  const planned =
    subject.kind === "announcement" ? announcementPlansOf(app, subject.id, userId) : messagePlanId(app, subject.id);
  return (await chunks.ofUser([planned], userId))[0] ?? null;
}
