import { comingInRefusal } from "./domain/bans.ts";
import type { BanStore } from "./store/ban-store.ts";

interface Deps {
  readonly bans: Pick<BanStore, "findBanned">;
  readonly now: () => number;
}

/**
 * Who of some users does not come into a conversation. Every way in asks this, in the conversation's lane and behind
 * `findFollowed`, where nobody is banned or unbanned meanwhile: who passes over the banned (a rule), this; who is to be
 * told (an invite, a code), `requireMayComeIn`. `storeChange` asks by itself, so that none is forgotten.
 */
export const bannedAmong =
  ({ bans, now }: Deps) =>
  (app: string, conversationId: string, userIds: readonly string[]): Promise<readonly string[]> =>
    bans.findBanned(app, conversationId, userIds, now());

/** @throws DomainError `user_banned`, naming those who are */
export const requireMayComeIn =
  (deps: Deps) =>
  async (app: string, conversationId: string, userIds: readonly string[]): Promise<void> => {
    const refusal = comingInRefusal(await bannedAmong(deps)(app, conversationId, userIds));
    if (refusal) throw refusal;
  };
