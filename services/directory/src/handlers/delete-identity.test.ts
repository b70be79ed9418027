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
import { createIdentities } from "./create-identities.ts";
import { deleteIdentity } from "./delete-identity.ts";
import { getUser } from "./get-user.ts";

describe("deleteIdentity", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("delete-identity");
  });
  after(() => stores[Symbol.asyncDispose]());

  const userOf = async (app: string) => {
    const outcome = await getUser(stores)(aDelivery({ userId: aUserId() }, { app }));
    return outcome.kind === "reply" ? outcome.reply.user : outcome;
  };
  const create = (app: string, sentAt: Date, displayName: string) =>
    createIdentities({ ...stores, ...recordingPublisher() })([
      aDelivery({ userId: aUserId(), fields: identityFields(displayName) }, { app, sentAt }),
    ]);

  it("takes the identity, leaves her known, and tells of it", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    await withIdentity(stores, app, aUserId());
    const outcome = await deleteIdentity({ ...stores, publisher })(aDelivery({ userId: aUserId() }, { app }));

    expect(outcome).to.deep.equal({ kind: "ack" });
    expect(await stores.identities.findMany(app, [aUserId()])).to.deep.equal([]);
    expect(await stores.identities.findUnknown(app, [aUserId()])).to.deep.equal([]);
    expect(await userOf(app)).to.deep.include({ userId: aUserId(), identity: null });
    expect(events).to.have.lengthOf(1);
    expect(events[0]).to.deep.include({
      type: "directory.identity.deleted.v1",
      payload: { userId: aUserId(), version: 2 },
      subjectVersion: 2,
    });
  });

  it("publishes the same again when it comes again, and what could not be published before", async () => {
    const app = anAppId();
    await withIdentity(stores, app, aUserId());
    const delivery = aDelivery({ userId: aUserId() }, { app });
    const { outcome, events } = await afterFailedPublish(stores, deleteIdentity, delivery);
    expect(outcome).to.deep.equal({ kind: "ack" });
    const { events: again, publisher } = recordingPublisher();
    expect(await deleteIdentity({ ...stores, publisher })(delivery)).to.deep.equal({ kind: "ack" });
    expect(again).to.deep.equal(events);
  });

  it("refuses who has none, the second time too", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    const handle = deleteIdentity({ ...stores, publisher });
    expect(await handle(aDelivery({ userId: aUserId() }, { app }))).to.have.nested.property("error.code", "not_found");
    await withIdentity(stores, app, aUserId());
    await handle(aDelivery({ userId: aUserId() }, { app }));
    expect(await handle(aDelivery({ userId: aUserId() }, { app }))).to.have.nested.property("error.code", "not_found");
    expect(events).to.have.lengthOf(1);
  });

  it("is not undone by a creation from before it, and a new one gives her another identity", async () => {
    const app = anAppId();
    const before = await withIdentity(stores, app, aUserId());
    const sentAt = new Date(1_000);
    await deleteIdentity({ ...stores, ...recordingPublisher() })(aDelivery({ userId: aUserId() }, { app, sentAt }));

    const [late] = await create(app, new Date(999), "Ann");
    expect(late).to.have.nested.property("error.code", "object_deleted");
    expect(await userOf(app)).to.deep.include({ identity: null });

    const [created] = await create(app, new Date(1_001), "Eve");
    expect(created).to.deep.nested.include({
      "reply.displayName": "Eve",
      "reply.partition": before.partition,
      "reply.version": 3,
    });
  });
});
