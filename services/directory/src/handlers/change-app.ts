import {
  type App,
  type AppChange,
  AppChanged,
  type ChangeApp,
  type ClosedState,
  closedState,
  type PayloadOf,
} from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { entryOf } from "../domain/audit.ts";
import type { AppCondition, AppStore } from "../store/app-store.ts";
import type { AuditStore } from "../store/audit-store.ts";

interface Deps {
  readonly apps: AppStore;
  readonly audit: AuditStore;
  readonly publisher: Publisher;
  /** How long a deleted app can be restored. */
  readonly appDeletionGraceMs: number;
}

const ACTIONS = {
  rename: "app.renamed",
  suspend: "app.suspended",
  resume: "app.resumed",
  delete: "app.deleted",
  restore: "app.restored",
} as const;

/** Changes an app once for each command, and tells whoever keeps what its tokens grant, each time: he only asks again. */
export const changeApp =
  ({ apps, audit, publisher, appDeletionGraceMs }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof ChangeApp>>): Promise<Outcome<App>> => {
    const { appId, change } = delivery.payload;
    const wanted = wantedBy(change, delivery.sentAt.getTime(), appDeletionGraceMs);
    const changed = await apps.change(delivery.payload, wanted.set, delivery.id, wanted.condition);
    if (!changed) return unchanged(await apps.find(appId), delivery.payload);

    const { app, version, before } = changed;
    await audit.append(
      entryOf(delivery, {
        accountId: app.accountId,
        appId,
        action: ACTIONS[change.kind],
        subject: { kind: "app", id: appId },
        before,
        after: wanted.set,
      }),
    );
    await publisher.emit(
      AppChanged,
      appId,
      { appId, name: app.name, state: closedState(app) ?? "active", version },
      { id: `${delivery.id}.app-changed`, cause: delivery, subjectVersion: version },
    );
    return reply(app);
  };

interface Wanted {
  readonly set: Readonly<Record<string, unknown>>;
  readonly condition: AppCondition;
}

/** What it sets, and of which apps: those that are not so already. */
function wantedBy(change: AppChange, at: number, graceMs: number): Wanted {
  if (change.kind === "rename") {
    return { set: { name: change.name }, condition: { deletedAt: null, name: { $ne: change.name } } };
  }
  return {
    suspend: { set: { suspendedAt: at }, condition: { deletedAt: null, suspendedAt: null } },
    resume: { set: { suspendedAt: null, reopenedAt: at }, condition: { deletedAt: null, suspendedAt: { $ne: null } } },
    delete: { set: { deletedAt: at, purgeAt: at + graceMs }, condition: { deletedAt: null } },
    restore: {
      set: { deletedAt: null, purgeAt: null, reopenedAt: at },
      // What is claimed to be purged does not come back.
      condition: { deletedAt: { $ne: null }, purgeAt: { $gt: at }, purgeLease: null },
    },
  }[change.kind];
}

/** The state that an app has after a change. */
const STATE_AFTER: Readonly<Record<AppChange["kind"], ClosedState | null>> = {
  rename: null,
  suspend: "suspended",
  resume: null,
  delete: "deleted",
  restore: null,
};

/** It is as it was to be, or cannot become so, or is not there. */
function unchanged(app: App | null, { accountId, change }: PayloadOf<typeof ChangeApp>): Outcome<App> {
  if (app?.accountId !== accountId || app.purgedAt != null) {
    return refuse(new DomainError("not_found", { property: "app_id" }));
  }
  if (app.deletedAt == null || STATE_AFTER[change.kind] === "deleted") return reply(app);
  const message = change.kind === "restore" ? "its grace is over" : "the app is deleted: it has to be restored first";
  return refuse(new DomainError("invalid_operation", {}, { message }));
}
