import { FindRecipients, ListRecipients } from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";

/** Some users of whom to find out whether they are recipients of one announcement. */
export interface MembershipCheck {
  readonly announcementId: string;
  readonly userIds: readonly string[];
}

/** Who an announcement went to: announcement-fanout's knowledge, asked for and never copied. */
export interface Recipients {
  /** The recipients among those asked about, for many announcements of one app at once. */
  find(app: string, checks: readonly MembershipCheck[], cause?: Cause): Promise<readonly MembershipCheck[]>;
  /** By partition, then user id, behind `after`; a short page is the last; null: there is no such announcement. */
  list(app: string, announcementId: string, after: string | null, limit: number): Promise<readonly string[] | null>;
}

/** Asks over the broker. No answer in time is thrown as `service_unavailable` of announcement-fanout. */
export const recipientsOver = (client: Pick<Client, "ask">): Recipients => ({
  async find(app, checks, cause) {
    const payload = {
      checks: checks.map(({ announcementId, userIds }) => ({ announcementId, userIds: [...userIds] })),
    };
    const { found } = await client.ask(FindRecipients, app, payload, cause && { cause });
    return found;
  },
  async list(app, announcementId, after, limit) {
    const { userIds } = await client.ask(ListRecipients, app, { announcementId, after, limit });
    return userIds;
  },
});
