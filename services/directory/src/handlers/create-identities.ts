import { type CreateIdentity, Identity, IdentityCreated, type PayloadOf } from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { identityKey, rowsOf } from "../domain/identity.ts";
import type { IdentityStore } from "../store/identity-store.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly publisher: Publisher;
}

type Creation = Delivery<PayloadOf<typeof CreateIdentity>>;

/**
 * Creates the identities of a group in one write. Who made a stored row decides each outcome: the command that did is
 * answered and its event published, also when it comes again; any other command about the same user is refused.
 */
export const createIdentities =
  ({ identities, publisher }: Deps) =>
  async (deliveries: readonly Creation[]): Promise<readonly Outcome<Identity>[]> => {
    const stored = await identities.insertOrFind(rowsOf(deliveries, Date.now()));
    const published = new Map<string, Promise<void>>();

    const outcomeOf = async (delivery: Creation): Promise<Outcome<Identity>> => {
      const key = identityKey(delivery.app, delivery.payload.userId);
      const row = stored.get(key);
      if (!row) throw new Error(`no identity under ${key} after it was stored`);
      if (row.by !== delivery.id) return refuse(new DomainError("conflict", { property: "user_id" }));

      const { userId, partition, version } = row;
      const publishing =
        published.get(key) ??
        publisher.emit(
          IdentityCreated,
          row.app,
          { userId, partition, version },
          { id: `${delivery.id}.identity-created`, cause: delivery, subjectVersion: version },
        );
      published.set(key, publishing);
      await publishing;
      return reply(Identity.parse(row));
    };
    return Promise.all(deliveries.map(outcomeOf));
  };
