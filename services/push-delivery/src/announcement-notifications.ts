import { GetAnnouncementContent, type Notification } from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";

/** What an announcement's push says; a silent push says nothing. Null: there is no such announcement any more. */
export interface AnnouncementNotifications {
  of(
    announcement: { readonly app: string; readonly announcement: string; readonly hasNotification: boolean },
    cause?: Cause,
  ): Promise<Notification | null>;
}

const SILENT: Notification = {};

/** One for each announcement under way, with room for some large lists of overrides. */
const MAX_WEIGHT = 200_000;
const weightOf = (notification: Notification | null): number =>
  100 + Object.keys(notification?.recipients ?? {}).length;

/**
 * Asks announcement-fanout once per announcement: its content never changes under an id. The least recently used are
 * forgotten when there are too many. No answer in time is thrown as `service_unavailable` of announcement-fanout.
 */
export function notificationsOver(client: Pick<Client, "ask">): AnnouncementNotifications {
  // A Map keeps the order of insertion, so its first entry is the one that was used least recently.
  const kept = new Map<string, { readonly asked: Promise<Notification | null>; weight: number }>();
  let weight = 0;

  const drop = (key: string): void => {
    weight -= kept.get(key)?.weight ?? 0;
    kept.delete(key);
  };

  const ask = async (app: string, announcementId: string, cause?: Cause): Promise<Notification | null> => {
    const key = `${app}/${announcementId}`;
    const known = kept.get(key);
    if (known) {
      kept.delete(key);
      kept.set(key, known);
      return known.asked;
    }
    const asked = client
      .ask(GetAnnouncementContent, app, { announcementId }, cause && { cause })
      .then(({ content }) => content && (content.notification ?? SILENT));
    const entry = { asked, weight: 0 };
    kept.set(key, entry);
    try {
      const notification = await asked;
      entry.weight = weightOf(notification);
      weight += kept.get(key) === entry ? entry.weight : 0;
      for (const oldest of kept.keys()) {
        if (weight <= MAX_WEIGHT) break;
        if (oldest !== key) drop(oldest);
      }
      return notification;
    } catch (error) {
      if (kept.get(key) === entry) drop(key);
      throw error;
    }
  };

  return {
    of: async ({ app, announcement, hasNotification }, cause) =>
      hasNotification ? ask(app, announcement, cause) : SILENT,
  };
}
