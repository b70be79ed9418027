import { AppCreated, type PayloadOf, type ReplyOf, type SignUp, Token } from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { entryOf } from "../domain/audit.ts";
import { tokenMade } from "../domain/token.ts";
import type { AccountStore } from "../store/account-store.ts";
import type { AppStore } from "../store/app-store.ts";
import type { AuditStore } from "../store/audit-store.ts";
import type { TokenStore } from "../store/token-store.ts";

interface Deps {
  readonly accounts: AccountStore;
  readonly apps: AppStore;
  readonly tokens: TokenStore;
  readonly audit: AuditStore;
  readonly publisher: Publisher;
}

type Delivered = Delivery<PayloadOf<typeof SignUp>>;

/**
 * Makes a sandbox account, its first app and the token that administers it, in this order: whoever dies in between finds, when
 * the command comes again, what is there under its own id, and makes the rest.
 */
export const signUp =
  (deps: Deps) =>
  async (delivery: Delivered): Promise<Outcome<ReplyOf<typeof SignUp>>> => {
    const { id, payload, sentAt } = delivery;
    const { accountId, name, email, appId, tokenId, hash } = payload;
    const createdAt = sentAt.getTime();
    const opened = await deps.accounts.open({ _id: accountId, name, email, createdAt }, appId, id);
    if (opened.by !== id) return refuse(new DomainError("id_in_use"));

    const wanted = { appId, accountId, name, createdAt, environment: "staging" } as const;
    const app = await deps.apps.insertOrFind(wanted, id);
    const times = { createdAt, expiresAt: null, revokedAt: null };
    const grant = { accountId, appId: null, scopes: ["account:admin" as const] };
    const token = await deps.tokens.insertOrFind(
      { tokenId, name: "sign-up", ...grant, ...times, hash, version: 1 },
      id,
    );
    // Made at random by the gateway: whose they are else, only chance could say.
    if (app.by !== id || token?.by !== id) return refuse(new DomainError("conflict"));

    await tell(deps, delivery, Token.parse(token.token));
    await deps.publisher.emit(AppCreated, appId, app.app, {
      id: `${id}.app-created`,
      cause: delivery,
      subjectVersion: app.version,
    });
    const account = { accountId, name, email, createdAt, isSandbox: true, liftedAt: null };
    return reply({ account, app: app.app, token: Token.parse(token.token) });
  };

/** An entry for each thing that came to be, so that each is found where it is looked for. */
async function tell({ audit }: Deps, delivery: Delivered, token: Token): Promise<void> {
  const { accountId, name, email, appId, tokenId, origin } = delivery.payload;
  const { scopes, expiresAt } = token;
  const actor = { kind: "token" as const, id: tokenId, tokenId, ...origin, scopes, expiresAt };
  const entry = (suffix: string, act: Parameters<typeof entryOf>[1]) => ({
    ...entryOf({ ...delivery, payload: { actor } }, act),
    entryId: `${delivery.id}${suffix}`,
  });
  const made = { accountId, before: null } as const;
  const account = { ...made, appId: null, action: "account.created", subject: { kind: "account", id: accountId } };
  const app = { ...made, appId, action: "app.created", subject: { kind: "app", id: appId } };
  await audit.append(entry("", { ...account, after: { name, email, sandbox: true } }));
  await audit.append(entry(".app", { ...app, after: { name, environment: "staging" } }));
  await audit.append(entry(".token", tokenMade("token.created", token)));
}
