import { isDeepStrictEqual } from "node:util";
import {
  type ChangeIdentity,
  type Identity,
  IdentityFields,
  IdentityUpdated,
  type PayloadOf,
  type ReplaceIdentity,
} from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { fieldsAfter } from "../domain/identity-changes.ts";
import { identityOf } from "../domain/user.ts";
import type { IdentityStore } from "../store/identity-store.ts";
import { changeUser } from "./changing-user.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly publisher: Publisher;
}

type Rewrite = (before: IdentityFields) => IdentityFields | DomainError;

/** Applies all changes to a user's identity, or none. What leaves it as it was is told to nobody. */
export const changeIdentity =
  (deps: Deps) =>
  (delivery: Delivery<PayloadOf<typeof ChangeIdentity>>): Promise<Outcome<Identity>> =>
    rewrite(deps, delivery, (before) => fieldsAfter(before, delivery.payload.changes));

/** Puts another identity in place of the one there is; what it does not name is empty then. */
export const replaceIdentity =
  (deps: Deps) =>
  (delivery: Delivery<PayloadOf<typeof ReplaceIdentity>>): Promise<Outcome<Identity>> =>
    rewrite(deps, delivery, () => delivery.payload.fields);

async function rewrite(
  { identities, publisher }: Deps,
  delivery: Delivery<{ readonly userId: string }>,
  rewritten: Rewrite,
): Promise<Outcome<Identity>> {
  const changed = await changeUser(identities, delivery, (user) => {
    const before = identityOf(user);
    if (!before) return new DomainError("not_found");
    const fields = rewritten(IdentityFields.parse(before));
    if (fields instanceof DomainError) return fields;
    return isDeepStrictEqual(fields, IdentityFields.parse(before)) ? null : { set: fields };
  });
  if (changed instanceof DomainError) return refuse(changed);
  const identity = identityOf(changed.user);
  if (!identity) return refuse(new DomainError("not_found"));
  if (changed.isChanged) {
    const { userId, version } = identity;
    await publisher.emit(
      IdentityUpdated,
      delivery.app,
      { userId, version },
      { id: `${delivery.id}.identity-updated`, cause: delivery, subjectVersion: version },
    );
  }
  return reply(identity);
}
