import type {
  AuditEntry,
  ChangeIdentityKey,
  CreateIdentityKey,
  CreateIdentityProvider,
  FindIdentityKey,
  IdentityKey,
  IdentityProvider,
  ListIdentityKeys,
  ListIdentityProviders,
  PayloadOf,
  ReplyOf,
} from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { entryOf } from "../domain/audit.ts";
import type { AppStore } from "../store/app-store.ts";
import type { AuditStore } from "../store/audit-store.ts";
import type { IdentityProviderStore } from "../store/identity-provider-store.ts";

interface Deps {
  readonly apps: AppStore;
  readonly providers: IdentityProviderStore;
  readonly audit: AuditStore;
}

interface Owned {
  readonly appId: string;
  readonly accountId: string;
}

const actOn = (
  { accountId, appId }: Owned,
  action: string,
  subject: AuditEntry["subject"],
  before: AuditEntry["before"],
  after: AuditEntry["after"],
) => ({ accountId, appId, action, subject, before, after });

/** Another account's app is not there. */
async function ownerRefusal({ apps }: Pick<Deps, "apps">, { appId, accountId }: Owned): Promise<DomainError | null> {
  const isOwner = (await apps.find(appId))?.accountId === accountId;
  return isOwner ? null : new DomainError("not_found", { property: "app_id" });
}

/** Binds a provider to an app of the account. */
export const createIdentityProvider =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof CreateIdentityProvider>>): Promise<Outcome<IdentityProvider>> => {
    const { id, payload } = delivery;
    const refusal = await ownerRefusal(deps, payload);
    if (refusal) return refuse(refusal);
    const { appId, providerId, name } = payload;
    const { provider, by } = await deps.providers.insertOrFind({ appId, providerId, name, createdAt: Date.now() }, id);
    if (by !== id) return refuse(new DomainError("id_in_use", { provider }));
    const subject = { kind: "identity_provider", id: providerId };
    await deps.audit.append(entryOf(delivery, actOn(payload, "identity_provider.created", subject, null, { name })));
    return reply(provider);
  };

/** Adds a key to a provider of an app of the account. */
export const createIdentityKey =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof CreateIdentityKey>>): Promise<Outcome<IdentityKey>> => {
    const { id, payload } = delivery;
    const { appId, providerId, keyId, publicKey } = payload;
    const refusal = await ownerRefusal(deps, payload);
    if (refusal) return refuse(refusal);
    if (!(await deps.providers.exists(appId, providerId))) {
      return refuse(new DomainError("not_found", { property: "provider_id" }));
    }
    const wanted = { keyId, providerId, publicKey, state: "enabled", createdAt: Date.now() } as const;
    const { key, by } = await deps.providers.insertOrFindKey(appId, wanted, id);
    if (by !== id) return refuse(new DomainError("id_in_use", { key }));
    const after = { providerId, publicKey, state: "enabled" };
    const subject = { kind: "identity_key", id: keyId };
    await deps.audit.append(entryOf(delivery, actOn(payload, "identity_key.created", subject, null, after)));
    return reply(key);
  };

/** Disables, enables or deletes a key. Deleted is for good: its row stays, so that its id is never another key's. */
export const changeIdentityKey =
  (deps: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof ChangeIdentityKey>>): Promise<Outcome<IdentityKey>> => {
    const { id, payload } = delivery;
    const { appId, providerId, keyId, state } = payload;
    const refusal = await ownerRefusal(deps, payload);
    if (refusal) return refuse(refusal);
    const changed = await deps.providers.changeKey({ app: appId, providerId, keyId }, state, id);
    if (!changed) return refuse(new DomainError("not_found", { property: "key_id" }));
    const subject = { kind: "identity_key", id: keyId };
    const [before, after] = [{ state: changed.before }, { state }];
    await deps.audit.append(entryOf(delivery, actOn(payload, "identity_key.changed", subject, before, after)));
    return reply(changed.key);
  };

export const listIdentityProviders =
  ({ providers }: Pick<Deps, "providers">) =>
  async ({
    app,
  }: Delivery<PayloadOf<typeof ListIdentityProviders>>): Promise<Outcome<ReplyOf<typeof ListIdentityProviders>>> =>
    reply({ providers: [...(await providers.list(app))] });

export const listIdentityKeys =
  ({ providers }: Pick<Deps, "providers">) =>
  async ({
    app,
    payload: { providerId },
  }: Delivery<PayloadOf<typeof ListIdentityKeys>>): Promise<Outcome<ReplyOf<typeof ListIdentityKeys>>> => {
    if (!(await providers.exists(app, providerId))) return reply({ keys: null });
    return reply({ keys: [...(await providers.listKeys(app, providerId))] });
  };

/** Of the app that is asked in alone: an id of another app's key is no key here. */
export const findIdentityKey =
  ({ providers }: Pick<Deps, "providers">) =>
  async ({
    app,
    payload,
  }: Delivery<PayloadOf<typeof FindIdentityKey>>): Promise<Outcome<ReplyOf<typeof FindIdentityKey>>> =>
    reply({ key: await providers.findKey(app, payload.keyId) });
