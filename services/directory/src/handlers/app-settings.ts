import { isDeepStrictEqual } from "node:util";
import {
  type AppSettings,
  AppSettingsChanged,
  type AuditEntry,
  type ChangeAppSettings,
  DEFAULT_APP_SETTINGS,
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
    const entry = settingsEntry(delivery, stored);
    if (entry) await audit.append(entry);
    await publisher.emit(
      AppSettingsChanged,
      appId,
      { appId, version },
      { id: `${delivery.id}.app-updated`, cause: delivery, subjectVersion: version },
    );
    return reply(settings);
  };

const DEFAULTS: Readonly<Record<string, unknown>> = DEFAULT_APP_SETTINGS;

/** Of what is another now alone; null: nothing is. What was there before is not known any more of a command from long ago. */
function settingsEntry(
  delivery: Delivery<PayloadOf<typeof ChangeAppSettings>>,
  { app, before }: Pick<ChangedApp, "app" | "before">,
): AuditEntry | null {
  const { appId, settings, copiedFrom } = delivery.payload;
  const found = new Map(Object.entries(before).map(([path, value]) => [path.slice(SETTINGS.length), value]));
  const isAnother = (name: string, value: unknown) =>
    !found.has(name) || !isDeepStrictEqual(value, found.get(name) ?? DEFAULTS[name]);
  const changed = Object.entries(settings).filter(([name, value]) => isAnother(name, value));
  if (changed.length === 0) return null;
  const changedNames = changed.flatMap(([name]) => (found.has(name) ? [name] : []));
  return entryOf(delivery, {
    accountId: app.accountId,
    appId,
    action: "app.settings_changed",
    subject: { kind: "app", id: appId },
    before: Object.fromEntries(changedNames.map((name) => [name, found.get(name)])),
    after: { ...Object.fromEntries(changed), ...(copiedFrom === undefined ? {} : { copiedFrom }) },
  });
}

/** What holds for the app of the request, set or not. */
export const getAppSettings =
  ({ apps }: Pick<Deps, "apps">) =>
  async ({ app }: Delivery<PayloadOf<typeof GetAppSettings>>): Promise<Outcome<ReplyOf<typeof GetAppSettings>>> => {
    const stored = await apps.findSettings(app);
    return reply({ settings: stored && stored.settings });
  };
