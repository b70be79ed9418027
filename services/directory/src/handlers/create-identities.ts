import { type CreateIdentity, type Identity, IdentityCreated, type PayloadOf } from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, refuse, reply, retry } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { fillingsOf, identitiesOf, isFromBeforeDeletion } from "../domain/identity.ts";
import { identityOf, type UserRow, userKey } from "../domain/user.ts";
import type { IdentityStore } from "../store/identity-store.ts";
import type { UserCountStore } from "../store/user-count-store.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly counts: Pick<UserCountStore, "markDirty">;
  readonly publisher: Publisher;
}

type Creation = Delivery<PayloadOf<typeof CreateIdentity>>;

/**
 * Creates the identities of a group in one write, also of users who are known by name only. Who made a stored one decides
 * each outcome: the command that did is answered and its event published, also when it comes again; any other command
 * about the same user is refused.
 */
export const createIdentities =
  ({ identities, counts, publisher }: Deps) =>
  async (deliveries: readonly Creation[]): Promise<readonly Outcome<Identity>[]> => {
    const stored = await identitiesAfter(deliveries);
    await markNew(deliveries, stored);
    const published = new Map<string, Promise<void>>();

    const outcomeOf = async (delivery: Creation): Promise<Outcome<Identity>> => {
      const key = userKey(delivery.app, delivery.payload.userId);
      const row = stored.get(key);
      if (!row) throw new Error(`no user under ${key} after she was stored`);
      const identity = identityOf(row);
      if (!identity && isFromBeforeDeletion(row, delivery.sentAt)) return refuse(new DomainError("object_deleted"));
      // The first command about her in this group was from before her deletion; this one is not, and gets its own turn.
      if (!identity) return retry(0, new Error("behind a command from before the deletion of her identity"));
      if (row.by !== delivery.id) return refuse(new DomainError("conflict", { property: "user_id" }));

      const publishing = published.get(key) ?? publishCreated(delivery, row.app, identity);
      published.set(key, publishing);
      await publishing;
      return reply(identity);
    };
    return Promise.all(deliveries.map(outcomeOf));

    /** By app: whose identity one of these commands made, now or when it came before. */
    async function markNew(creations: readonly Creation[], rows: ReadonlyMap<string, UserRow>): Promise<void> {
      const own = creations.filter(({ app, id, payload }) => rows.get(userKey(app, payload.userId))?.by === id);
      for (const [app, ofApp] of Map.groupBy(own, (creation) => creation.app)) {
        await counts.markDirty(
          app,
          ofApp.map(({ payload }) => payload.userId),
        );
      }
    }

    async function identitiesAfter(creations: readonly Creation[]): Promise<ReadonlyMap<string, UserRow>> {
      const wanted = identitiesOf(creations, Date.now());
      const found = await identities.insertOrFind(wanted);
      const fillings = fillingsOf(found, wanted);
      return fillings.length === 0 ? found : new Map([...found, ...(await identities.fill(fillings))]);
    }

    function publishCreated(delivery: Creation, app: string, { userId, partition, version }: Identity): Promise<void> {
      return publisher.emit(
        IdentityCreated,
        app,
        { userId, partition, version },
        { id: `${delivery.id}.identity-created`, cause: delivery, subjectVersion: version },
      );
    }
  };
