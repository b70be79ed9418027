import {
  type AppSettings,
  AppSettingsChanged,
  type ChangeAppSettings,
  type GetAppSettings,
  type PayloadOf,
  type ReplyOf,
} from "@strata/contracts";
import { type Delivery, type Outcome, type Publisher, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { AppStore } from "../store/app-store.ts";

interface Deps {
  readonly apps: AppStore;
  readonly publisher: Publisher;
}

/** Sets what is named, once for each command, and tells whoever keeps settings, each time: he only asks again. */
export const changeAppSettings =
  ({ apps, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof ChangeAppSettings>>): Promise<Outcome<AppSettings>> => {
    const { appId, settings: wanted } = delivery.payload;
    const stored = await apps.changeSettings(delivery.payload, wanted, delivery.id);
    if (!stored) return refuse(new DomainError("not_found", { property: "app_id" }));
    const { settings, version } = stored;
    await publisher.emit(
      AppSettingsChanged,
      appId,
      { appId, version },
      { id: `${delivery.id}.app-updated`, cause: delivery, subjectVersion: version },
    );
    return reply(settings);
  };

/** What holds for the app of the request, set or not. */
export const getAppSettings =
  ({ apps }: Pick<Deps, "apps">) =>
  async ({ app }: Delivery<PayloadOf<typeof GetAppSettings>>): Promise<Outcome<ReplyOf<typeof GetAppSettings>>> => {
    const stored = await apps.findSettings(app);
    return reply({ settings: stored && stored.settings });
  };
