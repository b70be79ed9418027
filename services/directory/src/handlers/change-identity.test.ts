import type { IdentityChange } from "@strata/contracts";
import { anAppId, aUserId } from "@strata/testing";
import { expect } from "chai";
import {
  aDelivery,
  afterFailedPublish,
  identityFields,
  openStores,
  recordingPublisher,
  withIdentity,
} from "../../test/support.ts";
import { changeIdentity, replaceIdentity } from "./change-identity.ts";

const toEve = { kind: "set-text", field: "displayName", value: "Eve" } as const;
const aChange = (app: string, changes: IdentityChange[], userId = aUserId()) => aDelivery({ userId, changes }, { app });

describe("changeIdentity and replaceIdentity", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("change-identity");
  });
  after(() => stores[Symbol.asyncDispose]());

  it("change what is named and nothing else, and tell of the new version", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    const before = await withIdentity(stores, app, aUserId());
    const outcome = await changeIdentity({ ...stores, publisher })(aChange(app, [toEve]));

    const after = { ...before, displayName: "Eve", version: 2 };
    expect(outcome).to.deep.equal({ kind: "reply", reply: after });
    expect(await stores.identities.findMany(app, [aUserId()])).to.deep.equal([after]);
    expect(events).to.have.lengthOf(1);
    expect(events[0]).to.deep.include({
      type: "directory.identity.updated.v1",
      app,
      payload: { userId: aUserId(), version: 2 },
      subjectVersion: 2,
    });
  });

  it("replace all fields", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    const before = await withIdentity(stores, app, aUserId());
    const fields = { ...identityFields("Eve"), metadata: {} };
    const outcome = await replaceIdentity({ ...stores, publisher })(aDelivery({ userId: aUserId(), fields }, { app }));
    expect(outcome).to.deep.equal({ kind: "reply", reply: { ...before, ...fields, version: 2 } });
    expect(events[0]).to.deep.include({ payload: { userId: aUserId(), version: 2 } });
  });

  it("tell nobody of a change that changes nothing, and keep the version", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    const before = await withIdentity(stores, app, aUserId(), "Eve");
    const outcome = await changeIdentity({ ...stores, publisher })(aChange(app, [toEve]));
    expect(outcome).to.deep.equal({ kind: "reply", reply: before });
    const fields = identityFields("Eve");
    const again = await replaceIdentity({ ...stores, publisher })(aDelivery({ userId: aUserId(), fields }, { app }));
    expect(again).to.deep.equal({ kind: "reply", reply: before });
    expect(events).to.deep.equal([]);
  });

  it("answer and publish the same when a change comes again, without another version", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    await withIdentity(stores, app, aUserId());
    const handle = changeIdentity({ ...stores, publisher });
    const delivery = aChange(app, [toEve]);
    const first = await handle(delivery);
    expect(await handle(delivery)).to.deep.equal(first);
    expect(events[1]).to.deep.equal(events[0]);
  });

  it("publish on redelivery what could not be published before", async () => {
    const app = anAppId();
    await withIdentity(stores, app, aUserId());
    const { outcome, events } = await afterFailedPublish(stores, changeIdentity, aChange(app, [toEve]));
    expect(outcome).to.have.nested.property("reply.version", 2);
    expect(events).to.have.lengthOf(1);
  });

  it("do none of several changes when one may not happen", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    const before = await withIdentity(stores, app, aUserId());
    const nameless = { kind: "set-text", field: "displayName", value: null } as const;
    const named = { kind: "set-text", field: "firstName", value: "Anna" } as const;
    const outcome = await changeIdentity({ ...stores, publisher })(aChange(app, [named, nameless]));
    expect(outcome).to.deep.nested.include({
      "error.code": "invalid_property",
      "error.details": { property: "display_name" },
    });
    expect(await stores.identities.findMany(app, [aUserId()])).to.deep.equal([before]);
    expect(events).to.deep.equal([]);
  });

  it("refuse a user without an identity, known by name or not at all, and another app's", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    await stores.identities.makeKnown(app, [aUserId(2)], 1);
    await withIdentity(stores, anAppId(), aUserId(1));
    for (const userId of [aUserId(1), aUserId(2)]) {
      const changed = await changeIdentity({ ...stores, publisher })(aChange(app, [toEve], userId));
      expect(changed).to.have.nested.property("error.code", "not_found");
      const replacement = aDelivery({ userId, fields: identityFields() }, { app });
      const replaced = await replaceIdentity({ ...stores, publisher })(replacement);
      expect(replaced).to.have.nested.property("error.code", "not_found");
    }
    expect(events).to.deep.equal([]);
  });
});
