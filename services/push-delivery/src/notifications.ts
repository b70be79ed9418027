import {
  FindPersonalFacts,
  GetAnnouncementContent,
  GetMessageNotification,
  type Notification,
  type NotificationContent,
  type PersonalFacts,
  type Sender,
} from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";
import { isForEachAnother, localised, nobodyKnown, personaliserFor } from "@strata/personalisation";
import { notificationFor } from "@strata/push-payload";
import type { Subject } from "./domain/subject.ts";
import { notificationCache, type Pushed } from "./notification-cache.ts";
import type { NotificationStore } from "./store/notification-store.ts";

/** What the push to one user says; a silent push says nothing. */
export interface Wording {
  (userId: string): NotificationContent;
  readonly about?: Pick<Pushed, "category" | "isUrgent" | "senderId"> & { readonly ttlSeconds?: number };
}

export interface Notifications {
  /** Of these users. Null: there is no such announcement or message any more. */
  of(
    pushed: { readonly app: string; readonly subject: Subject; readonly hasNotification: boolean },
    userIds: readonly string[],
    cause?: Cause,
  ): Promise<Wording | null>;
}

type Said = Exclude<Subject, { readonly kind: "badge" }>;

const SILENT: Notification = {};

/** What is corrected or recalled while its push waits is not pushed as it was; so an answer does not hold for long. */
export const ANNOUNCEMENT_FRESH_MS = 2_000;
/** A message that is deleted while its push waits is not pushed any more; so an answer about one does not hold for long. */
const MESSAGE_FRESH_MS = 10_000;
/** Never changes. */
const NOTIFICATION_FRESH_MS = 60_000;
const FRESH_MS = {
  announcement: ANNOUNCEMENT_FRESH_MS,
  message: MESSAGE_FRESH_MS,
  notification: NOTIFICATION_FRESH_MS,
};

/**
 * Asks whose content it is, once for all chunks that are pushed together; and the directory, once for all users of a
 * chunk, where it says another thing to each. No answer in time is thrown as `service_unavailable` of the service that
 * was asked.
 */
export function notificationsOver(
  client: Pick<Client, "ask">,
  stored: Pick<NotificationStore, "find">,
  freshMs = FRESH_MS,
): Notifications {
  // Apart, so that the many messages do not push out the long lists of overrides that announcements have.
  const keptOf = {
    announcement: notificationCache(freshMs.announcement),
    message: notificationCache(freshMs.message),
    notification: notificationCache(freshMs.notification),
  };

  const ask = async (app: string, { kind, id }: Said, cause?: Cause): Promise<Pushed | null> => {
    const options = cause && { cause };
    switch (kind) {
      case "notification":
        return stored.find(app, id);
      case "message": {
        const { notification, sender } = await client.ask(GetMessageNotification, app, { messageId: id }, options);
        return notification && { notification, senderId: sender && senderIdOf(sender) };
      }
      default: {
        const { content } = await client.ask(GetAnnouncementContent, app, { announcementId: id }, options);
        if (content === null) return null;
        return { ...content, notification: content.notification ?? SILENT, senderId: senderIdOf(content.sender) };
      }
    }
  };

  return {
    async of({ app, subject, hasNotification }, userIds, cause) {
      if (!hasNotification || subject.kind === "badge") return () => SILENT;
      const pushed = await keptOf[subject.kind](`${app}/${subject.id}`, () => ask(app, subject, cause));
      if (pushed === null) return null;
      const about = aboutOf(pushed);
      if (!isForEachAnother(pushed)) {
        return Object.assign((userId: string) => notificationFor(pushed.notification, userId), { about });
      }
      const { facts } = await client.ask(FindPersonalFacts, app, { userIds: [...userIds] }, cause && { cause });
      const known = new Map(facts.map((one) => [one.userId, one]));
      return Object.assign((userId: string) => wordsFor(pushed, known.get(userId) ?? nobodyKnown(userId)), { about });
    },
  };
}

const senderIdOf = (sender: Sender): string | null => ("userId" in sender ? sender.userId : null);

const aboutOf = ({ category, isUrgent, senderId, notification: { ttl } }: Pushed): NonNullable<Wording["about"]> => ({
  ...(category === undefined ? {} : { category }),
  ...(isUrgent === undefined ? {} : { isUrgent }),
  ...(senderId === undefined ? {} : { senderId }),
  ...(ttl === undefined ? {} : { ttlSeconds: ttl }),
});

/** In her locale, and with her name in it: as her inbox has it. */
function wordsFor(pushed: Pushed, recipient: PersonalFacts): NotificationContent {
  const { notification } = localised({ ...pushed, parts: [] }, recipient.locale);
  return personaliserFor(pushed, recipient).notification(notificationFor(notification ?? SILENT, recipient.userId));
}
