import { GetAnnouncementContent, GetMessageNotification, type Notification } from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";
import type { Subject } from "./domain/subject.ts";
import { notificationCache } from "./notification-cache.ts";

/** What a push says; a silent push says nothing. Null: there is no such announcement or message any more. */
export interface Notifications {
  of(
    pushed: { readonly app: string; readonly subject: Subject; readonly hasNotification: boolean },
    cause?: Cause,
  ): Promise<Notification | null>;
}

const SILENT: Notification = {};

/** What is corrected or recalled while its push waits is not pushed as it was; so an answer does not hold for long. */
export const ANNOUNCEMENT_FRESH_MS = 2_000;
/** A message that is deleted while its push waits is not pushed any more; so an answer about one does not hold for long. */
const MESSAGE_FRESH_MS = 10_000;
const FRESH_MS = { announcement: ANNOUNCEMENT_FRESH_MS, message: MESSAGE_FRESH_MS };

/**
 * Asks whose content it is, once for all chunks that are pushed together. No answer in time is thrown as
 * `service_unavailable` of the service that was asked.
 */
export function notificationsOver(client: Pick<Client, "ask">, freshMs = FRESH_MS): Notifications {
  // Apart, so that the many messages do not push out the long lists of overrides that announcements have.
  const keptOf = {
    announcement: notificationCache(freshMs.announcement),
    message: notificationCache(freshMs.message),
  };

  const ask = async (app: string, { kind, id }: Subject, cause?: Cause): Promise<Notification | null> => {
    const options = cause && { cause };
    if (kind === "message") {
      const { notification } = await client.ask(GetMessageNotification, app, { messageId: id }, options);
      return notification;
    }
    const { content } = await client.ask(GetAnnouncementContent, app, { announcementId: id }, options);
    return content && (content.notification ?? SILENT);
  };

  return {
    of: async ({ app, subject, hasNotification }, cause) =>
      hasNotification ? keptOf[subject.kind](`${app}/${subject.id}`, () => ask(app, subject, cause)) : SILENT,
  };
}
