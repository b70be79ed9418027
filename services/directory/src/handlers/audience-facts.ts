import type { FindTimeZones, FindUsersKnownBefore, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import type { AudienceStore } from "../store/audience-store.ts";
import { wantedOf } from "./audience.ts";

interface Deps {
  readonly audiences: AudienceStore;
}

/** The time zones of these users, in their order. */
export const findTimeZones =
  ({ audiences }: Deps) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof FindTimeZones>>): Promise<Outcome<ReplyOf<typeof FindTimeZones>>> =>
    reply({ timeZones: await audiences.findTimeZones(app, payload.userIds) });

/** Who of these users was known by then, and matches. */
export const findUsersKnownBefore =
  ({ audiences }: Deps) =>
  async ({
    app,
    payload: { userIds, before, filter = null },
  }: Delivery<PayloadOf<typeof FindUsersKnownBefore>>): Promise<Outcome<ReplyOf<typeof FindUsersKnownBefore>>> =>
    reply({ userIds: await audiences.findKnownBefore(app, userIds, before, wantedOf(filter)?.query ?? null) });
