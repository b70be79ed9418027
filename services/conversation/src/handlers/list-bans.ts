import type { GetBan, ListBans, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { bansRefusal } from "../domain/authority.ts";
import type { BanStore } from "../store/ban-store.ts";
import { banOf } from "./govern-conversation.ts";
import { findShown, type MemberDeps } from "./list-members.ts";

interface Deps extends MemberDeps {
  readonly bans: Pick<BanStore, "find" | "listPage" | "count">;
}

type Asked = Parameters<typeof findShown>[2];

/** A page of who is banned from a conversation, for who governs it. */
export const listBans =
  (deps: Deps) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof ListBans>>): Promise<Outcome<ReplyOf<typeof ListBans>>> => {
    const { bans } = deps;
    const { conversationId, after, limit } = payload;
    const now = deps.now();
    await requireGoverning(deps, app, payload);
    const [rows, total, isRow] = await Promise.all([
      bans.listPage(app, conversationId, { after, limit, now }),
      bans.count(app, conversationId, now),
      after === null || bans.find(app, conversationId, after, now),
    ]);
    return reply({ bans: isRow ? rows.map(banOf) : null, total });
  };

export const getBan =
  (deps: Deps) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof GetBan>>): Promise<Outcome<ReplyOf<typeof GetBan>>> => {
    await requireGoverning(deps, app, payload);
    const ban = await deps.bans.find(app, payload.conversationId, payload.userId, deps.now());
    return reply({ ban: ban && banOf(ban) });
  };

async function requireGoverning(deps: Deps, app: string, asked: Asked): Promise<void> {
  const row = await findShown(deps, app, asked);
  const refusal = asked.viewer === null ? null : bansRefusal(row, asked.viewer);
  if (refusal) throw refusal;
}
