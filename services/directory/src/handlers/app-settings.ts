import {
  type AppSettings,
  AppSettingsChanged,
  type AuditEntry,
  type ChangeAppSettings,
  type GetAppSettings,
  type PayloadOf,
  type ReplyOf,
} from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { entryOf } from "../domain/audit.ts";
import type { AppStore, ChangedApp } from "../store/app-store.ts";
import type { AuditStore } from "../store/audit-store.ts";

interface Deps {
  readonly apps: AppStore;
  readonly audit: AuditStore;
  readonly publisher: Publisher;
}

const SETTINGS = "settings.";

/** Sets what is named, once for each command, and tells whoever keeps settings, each time: he only asks again. */
export const changeAppSettings =
  ({ apps, audit, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof ChangeAppSettings>>): Promise<Outcome<AppSettings>> => {
    const { appId, settings: wanted } = delivery.payload;
    const set = Object.fromEntries(Object.entries(wanted).map(([name, value]) => [`${SETTINGS}${name}`, value]));
    const stored = await apps.change(delivery.payload, set, delivery.id);
    if (!stored) return refuse(new DomainError("not_found", { property: "app_id" }));
    const { settings, version } = stored;
    if (Object.keys(wanted).length > 0) await audit.append(settingsEntry(delivery, stored));
    await publisher.emit(
      AppSettingsChanged,
      appId,
      { appId, version },
      { id: `${delivery.id}.app-updated`, cause: delivery, subjectVersion: version },
    );
    return reply(settings);
  };

function settingsEntry(
  delivery: Delivery<PayloadOf<typeof ChangeAppSettings>>,
  { app, before }: Pick<ChangedApp, "app" | "before">,
): AuditEntry {
  const { appId, settings } = delivery.payload;
  const found = Object.entries(before).map(([path, value]) => [path.slice(SETTINGS.length), value] as const);
  return entryOf(delivery, {
    accountId: app.accountId,
    appId,
    action: "app.settings_changed",
    subject: { kind: "app", id: appId },
    before: Object.fromEntries(found),
    after: settings,
  });
}

/** What holds for the app of the request, set or not. */
export const getAppSettings =
  ({ apps }: Pick<Deps, "apps">) =>
  async ({ app }: Delivery<PayloadOf<typeof GetAppSettings>>): Promise<Outcome<ReplyOf<typeof GetAppSettings>>> => {
    const stored = await apps.findSettings(app);
    return reply({ settings: stored && stored.settings });
  };
