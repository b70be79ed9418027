import {
  type App,
  AppCreated,
  type CreateApp,
  environmentOf,
  MAX_SANDBOX_APPS,
  type PayloadOf,
} from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { entryOf } from "../domain/audit.ts";
import type { AccountStore } from "../store/account-store.ts";
import type { AppStore } from "../store/app-store.ts";
import type { AuditStore } from "../store/audit-store.ts";

interface Deps {
  readonly accounts: AccountStore;
  readonly apps: AppStore;
  readonly audit: AuditStore;
  readonly publisher: Publisher;
}

/** Stores an app and says so. The id of another command's app is refused; its owner is shown it, nobody else. */
export const createApp =
  ({ accounts, apps, audit, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof CreateApp>>): Promise<Outcome<App>> => {
    const { appId, accountId, name, environment, siblingOf } = delivery.payload;
    if (!(await accounts.exists(accountId))) return refuse(new DomainError("not_found", { property: "account_id" }));
    const refusal = await sandboxRefusal({ accounts, apps }, delivery.payload);
    if (refusal) return refuse(refusal);

    const { app, version, by } = await apps.insertOrFind(
      {
        appId,
        accountId,
        name,
        createdAt: Date.now(),
        ...(environment === undefined ? {} : { environment }),
        ...(siblingOf === undefined ? {} : { siblingOf }),
      },
      delivery.id,
    );
    if (by !== delivery.id) return refuse(new DomainError("id_in_use", app.accountId === accountId ? { app } : {}));

    await audit.append(
      entryOf(delivery, {
        accountId,
        appId,
        action: "app.created",
        subject: { kind: "app", id: appId },
        before: null,
        after: { name, ...(environment === undefined ? {} : { environment }) },
      }),
    );
    await publisher.emit(AppCreated, app.appId, app, {
      id: `${delivery.id}.app-created`,
      cause: delivery,
      subjectVersion: version,
    });
    return reply(app);
  };

/** Why a sandbox may not have this app, which is counted in else. What is there already was counted, or is another's. */
async function sandboxRefusal(
  { accounts, apps }: Pick<Deps, "accounts" | "apps">,
  wanted: PayloadOf<typeof CreateApp>,
): Promise<DomainError | null> {
  const { accountId, appId } = wanted;
  if (!(await accounts.isSandbox(accountId)) || (await apps.find(appId)) !== null) return null;
  if (environmentOf(wanted) !== "staging") return notInSandbox("environment", "has staging apps only");
  if (await accounts.claimApp(accountId, appId)) return null;
  return notInSandbox(null, `has at most ${MAX_SANDBOX_APPS} apps, deleted ones too until their grace is over`);
}

const notInSandbox = (property: string | null, rule: string): DomainError =>
  new DomainError("invalid_operation", property === null ? {} : { property }, {
    message: `A sandbox account ${rule}, until the operator lifts it`,
  });
