import { DEFAULT_APP_SETTINGS } from "@strata/contracts";
import { anAppId, userIds } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores, recordingPublisher, withIdentity } from "../../test/support.ts";
import { changeAppSettings } from "./app-settings.ts";
import { findBadgeFacts } from "./find-badge-facts.ts";
import { setExternalUnread } from "./set-external-unread.ts";

describe("findBadgeFacts", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("badge-facts");
  });
  after(() => stores[Symbol.asyncDispose]());

  it("are how the app has badges counted, and what it counts itself for whom it counts anything", async () => {
    const { publisher } = recordingPublisher();
    const app = anAppId();
    const [ann = "", bob = "", cid = ""] = userIds(3);
    const deps = { ...stores, publisher };
    await stores.apps.insertOrFind({ appId: app, accountId: "account", name: "app", createdAt: 1 }, "a test");
    for (const userId of [ann, bob]) await withIdentity(stores, app, userId);
    const facts = async () => {
      const outcome = await findBadgeFacts(deps)(aDelivery({ userIds: [ann, bob, cid] }, { app }));
      return outcome.kind === "reply" ? outcome.reply : outcome;
    };
    expect(await facts()).to.deep.equal({ counting: "messages", withAnnouncements: true, external: [] });
    await setExternalUnread(deps)(aDelivery({ userId: bob, count: 4 }, { app }));
    const settings = { badgeCounting: "conversations", badgeWithAnnouncements: false } as const;
    const changed = await changeAppSettings(deps)(aDelivery({ appId: app, accountId: null, settings }, { app }));
    expect(changed).to.deep.equal({ kind: "reply", reply: { ...DEFAULT_APP_SETTINGS, ...settings } });
    expect(await facts()).to.deep.equal({
      counting: "conversations",
      withAnnouncements: false,
      external: [{ userId: bob, count: 4 }],
    });
    await setExternalUnread(deps)(aDelivery({ userId: bob, count: 0 }, { app }));
    expect(await facts()).to.have.deep.property("external", []);
  });
});
