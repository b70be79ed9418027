import { DEFAULT_APP_SETTINGS, type FindBadgeFacts, type PayloadOf, type ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { AppStore } from "../store/app-store.ts";
import type { UserFactsStore } from "../store/user-facts-store.ts";

interface Deps {
  readonly apps: Pick<AppStore, "findSettings">;
  readonly userFacts: Pick<UserFactsStore, "findExternalUnread">;
}

/** How an app has badges counted, and what it counts itself for these users. */
export const findBadgeFacts =
  ({ apps, userFacts }: Deps) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof FindBadgeFacts>>): Promise<Outcome<ReplyOf<typeof FindBadgeFacts>>> => {
    const [stored, external] = await Promise.all([
      apps.findSettings(app),
      userFacts.findExternalUnread(app, payload.userIds),
    ]);
    const { badgeCounting = "messages", badgeWithAnnouncements = true } = stored?.settings ?? DEFAULT_APP_SETTINGS;
    return reply({ counting: badgeCounting, withAnnouncements: badgeWithAnnouncements, external: [...external] });
  };
