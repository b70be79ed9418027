import { partitionOf } from "@strata/contracts";
import { anAppId, aUserId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, identityFields, openStores, recordingPublisher } from "../../test/support.ts";
import { createIdentities } from "./create-identities.ts";

const aCreation = (app: string, userId: string, displayName?: string) =>
  aDelivery({ userId, fields: identityFields(displayName) }, { app });

const kindsOf = (outcomes: readonly { kind: string }[]) => outcomes.map(({ kind }) => kind);

describe("createIdentities", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("create-identities");
  });
  after(() => stores[Symbol.asyncDispose]());

  it("stores a whole group, and answers and publishes each of it", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    const group = [1, 2, 3].map((n) => aCreation(app, aUserId(n)));
    const outcomes = await createIdentities({ ...stores, publisher })(group);

    expect(kindsOf(outcomes)).to.deep.equal(["reply", "reply", "reply"]);
    expect(outcomes[1])
      .to.have.property("reply")
      .that.deep.includes({
        userId: aUserId(2),
        partition: partitionOf(aUserId(2)),
        version: 1,
        ...identityFields(),
      });
    expect(await stores.identities.findMany(app, [1, 2, 3].map(aUserId))).to.have.lengthOf(3);
    expect(events.map(({ type, payload }) => [type, payload])).to.deep.equal(
      [1, 2, 3]
        .map(aUserId)
        .map((userId) => ["directory.identity.created.v1", { userId, partition: partitionOf(userId), version: 1 }]),
    );
  });

  it("answers and publishes the same again when a command comes again", async () => {
    const { events, publisher } = recordingPublisher();
    const handle = createIdentities({ ...stores, publisher });
    const delivery = aCreation(anAppId(), aUserId());
    const first = await handle([delivery]);
    expect(await handle([delivery])).to.deep.equal(first);
    expect(events[1]).to.deep.equal(events[0]);
  });

  it("refuses a user who has an identity, and leaves it as it is", async () => {
    const { events, publisher } = recordingPublisher();
    const handle = createIdentities({ ...stores, publisher });
    const app = anAppId();
    await handle([aCreation(app, aUserId(), "Ann")]);
    const outcomes = await handle([aCreation(app, aUserId(), "Eve"), aCreation(app, aUserId(2))]);

    expect(kindsOf(outcomes)).to.deep.equal(["refuse", "reply"]);
    expect(outcomes[0]).to.have.nested.property("error.code", "conflict");
    expect(outcomes[0]).to.have.deep.nested.property("error.details", { property: "user_id" });
    const [stored] = await stores.identities.findMany(app, [aUserId()]);
    expect(stored).to.have.property("displayName", "Ann");
    expect(events).to.have.lengthOf(2);
  });

  it("lets the first of a group win where two commands want one user", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    const group = [aCreation(app, aUserId(), "Ann"), aCreation(app, aUserId(), "Eve")];
    const outcomes = await createIdentities({ ...stores, publisher })(group);
    expect(kindsOf(outcomes)).to.deep.equal(["reply", "refuse"]);
    expect(events).to.have.lengthOf(1);
  });

  it("publishes once for a command that a group holds twice", async () => {
    const { events, publisher } = recordingPublisher();
    const delivery = aCreation(anAppId(), aUserId());
    const outcomes = await createIdentities({ ...stores, publisher })([delivery, delivery]);
    expect(kindsOf(outcomes)).to.deep.equal(["reply", "reply"]);
    expect(events).to.have.lengthOf(1);
  });

  it("takes equal user ids of two apps for two users", async () => {
    const { publisher } = recordingPublisher();
    const group = [aCreation(anAppId(), aUserId()), aCreation(anAppId(), aUserId())];
    const outcomes = await createIdentities({ ...stores, publisher })(group);
    expect(kindsOf(outcomes)).to.deep.equal(["reply", "reply"]);
  });

  it("publishes on redelivery what could not be published before", async () => {
    const delivery = aCreation(anAppId(), aUserId());
    const { publisher: failing } = recordingPublisher({ failing: true });
    const failure = await createIdentities({ ...stores, publisher: failing })([delivery]).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(Error);

    const { events, publisher } = recordingPublisher();
    expect(kindsOf(await createIdentities({ ...stores, publisher })([delivery]))).to.deep.equal(["reply"]);
    expect(events).to.have.lengthOf(1);
  });
});
