import {
  type AudienceFilter,
  type CountAudience,
  type MatchesAudience,
  type MatchUsers,
  type PayloadOf,
  type ReplyOf,
  settleAudienceTimes,
} from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { areaOf, audienceQuery } from "../domain/audience-query.ts";
import type { AudienceStore, Wanted } from "../store/audience-store.ts";
import type { UserCountStore } from "../store/user-count-store.ts";

interface Deps {
  readonly audiences: AudienceStore;
  readonly counts: Pick<UserCountStore, "count">;
}

/** Whoever pages settles the times first, else they move under him from page to page. */
export const wantedOf = (filter: AudienceFilter | null): Wanted | null =>
  filter && { query: audienceQuery(settleAudienceTimes(filter, Date.now())), area: areaOf(filter) };

/** The next users of a partition who match. The fan-out pages by it, so each step of it counts. */
export const matchUsers =
  ({ audiences }: Pick<Deps, "audiences">) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof MatchUsers>>): Promise<Outcome<ReplyOf<typeof MatchUsers>>> => {
    const { filter, withTimeZones = false, ...page } = payload;
    return reply(await audiences.match({ ...page, app, wanted: wantedOf(filter), withTimeZones }));
  };

/** How many users match a filter; of everyone without one. */
export const countAudience =
  ({ audiences, counts }: Deps) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof CountAudience>>): Promise<Outcome<ReplyOf<typeof CountAudience>>> => {
    const wanted = wantedOf(payload.filter);
    return reply({ count: wanted === null ? await counts.count(app) : await audiences.count(app, wanted) });
  };

/** Whether one user is known and matches. */
export const matchesAudience =
  ({ audiences }: Pick<Deps, "audiences">) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof MatchesAudience>>): Promise<Outcome<ReplyOf<typeof MatchesAudience>>> =>
    reply({ matches: await audiences.matches(app, payload.userId, wantedOf(payload.filter)?.query ?? null) });
