import { FindBadges } from "@strata/contracts";
import type { Client } from "@strata/messaging";
import type { Logger } from "@strata/runtime";
import type { ChunkRow, Target } from "./domain/chunk.ts";

export interface Badges {
  /**
   * The number on the app's icon of each of these devices' users, by user. Whoever is not in it keeps hers: the app
   * wants none, or nobody answers, and a push is worth more than its number. Only phones of Apple's take one from a push.
   */
  of(row: Pick<ChunkRow, "app" | "subject" | "at">, targets: readonly Target[]): Promise<ReadonlyMap<string, number>>;
}

const NONE: ReadonlyMap<string, number> = new Map();

export const badgesOver = (client: Pick<Client, "ask">, log: Logger): Badges => ({
  async of({ app, subject, at }, targets) {
    const userIds = [...new Set(targets.filter(({ platform }) => platform === "ios").map(({ userId }) => userId))];
    if (userIds.length === 0) return NONE;
    // A correction or recall is of what has been counted long ago.
    const isTold = subject.kind === "announcement" && subject.follows === undefined && at !== undefined;
    const told = isTold ? { announcement: { announcementId: subject.id, at } } : {};
    try {
      const { badges } = await client.ask(FindBadges, app, { userIds, ...told });
      return new Map(badges.map(({ userId, badge }) => [userId, badge]));
    } catch (error) {
      log.warn("pushed without numbers for icons", { app, error });
      return NONE;
    }
  },
});
