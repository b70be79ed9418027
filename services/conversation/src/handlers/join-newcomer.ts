import { type IdentityCreated, MatchesAudience, type PayloadOf } from "@strata/contracts";
import { ack, type Delivery, type Outcome } from "@strata/messaging";
import { placeUser, type PlacingDeps } from "../rule-placements.ts";

/**
 * Puts who has signed up where the app's rules want her. An app without rules costs one look by an index. Told again, it
 * finds that she was put there.
 */
export const joinNewcomer =
  (deps: PlacingDeps) =>
  async (delivery: Delivery<PayloadOf<typeof IdentityCreated>>): Promise<Outcome<never>> => {
    const { app, payload } = delivery;
    const { userId } = payload;
    for (const rule of await deps.rules.list(app)) {
      const { isActive, terms, createdAt } = rule;
      // What was set up after she signed up is for a run to apply.
      if (!isActive || terms.kind !== "join" || createdAt > delivery.sentAt.getTime()) continue;
      const asked = { filter: terms.filter, userId };
      const { matches } = await deps.client.ask(MatchesAudience, app, asked, { cause: delivery });
      if (matches) await placeUser(deps)(rule, userId, { ...delivery, runId: null });
    }
    return ack;
  };
