import { anAppId, aUserId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, afterFailedPublish, openStores, recordingPublisher, withIdentity } from "../../test/support.ts";
import { endSessions } from "./end-sessions.ts";
import { getUser } from "./get-user.ts";
import { setExternalUnread } from "./set-external-unread.ts";
import { suspendUser } from "./suspend-user.ts";

describe("suspendUser, endSessions, setExternalUnread and getUser", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("user-state");
  });
  after(() => stores[Symbol.asyncDispose]());

  const userId = aUserId();
  const suspension = (app: string, isSuspended: boolean, at: number) => aDelivery({ userId, isSuspended, at }, { app });
  const userIn = async (app: string) => {
    const outcome = await getUser(stores)(aDelivery({ userId }, { app }));
    return outcome.kind === "reply" ? outcome.reply.user : outcome;
  };

  it("suspends a user, which ends her sessions for good, and lifts that again", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    const identity = await withIdentity(stores, app, userId);
    const handle = suspendUser({ ...stores, publisher });
    expect(await handle(suspension(app, true, 10))).to.deep.equal({ kind: "ack" });
    expect(await userIn(app)).to.deep.include({
      userId,
      identity: { ...identity, version: 2 },
      isSuspended: true,
      externalUnread: 0,
    });
    expect(await handle(suspension(app, false, 20))).to.deep.equal({ kind: "ack" });
    expect(await userIn(app)).to.have.property("isSuspended", false);
    expect(await stores.identities.find(app, userId)).to.have.property("sessionsEndedAt", 10);
    expect(events.map(({ type, payload, subjectVersion }) => [type, payload, subjectVersion])).to.deep.equal([
      ["directory.user.suspended.v1", { userId, isSuspended: true, version: 2, at: 10 }, 2],
      ["directory.user.suspended.v1", { userId, isSuspended: false, version: 3, at: 20 }, 3],
    ]);
  });

  it("tells nobody that a suspended user is suspended", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    await withIdentity(stores, app, userId);
    const handle = suspendUser({ ...stores, publisher });
    await handle(suspension(app, false, 5));
    await handle(suspension(app, true, 10));
    await handle(suspension(app, true, 20));
    expect(events).to.have.lengthOf(1);
  });

  it("ends the sessions begun so far, never those begun after a later end", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    await withIdentity(stores, app, userId);
    const handle = endSessions({ ...stores, publisher });
    expect(await handle(aDelivery({ userId, at: 20 }, { app }))).to.deep.equal({ kind: "ack" });
    expect(await handle(aDelivery({ userId, at: 10 }, { app }))).to.deep.equal({ kind: "ack" });
    expect(await stores.identities.find(app, userId)).to.have.property("sessionsEndedAt", 20);
    expect(events.map(({ type, payload }) => [type, payload])).to.deep.equal([
      ["directory.sessions.ended.v1", { userId, at: 20 }],
      ["directory.sessions.ended.v1", { userId, at: 10 }],
    ]);
  });

  it("sets the app's own count, and tells of it when it is another", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    await withIdentity(stores, app, userId);
    const handle = setExternalUnread({ ...stores, publisher });
    for (const count of [0, 4, 4, 0]) {
      expect(await handle(aDelivery({ userId, count }, { app }))).to.deep.equal({ kind: "ack" });
      expect(await userIn(app)).to.have.property("externalUnread", count);
    }
    expect(events.map(({ type, payload }) => [type, payload])).to.deep.equal([
      ["directory.badge.changed.v1", { userId, externalUnread: 4, version: 2 }],
      ["directory.badge.changed.v1", { userId, externalUnread: 0, version: 3 }],
    ]);
  });

  it("publish on redelivery what could not be published before, and the same however often it comes", async () => {
    const app = anAppId();
    await withIdentity(stores, app, userId);
    const suspended = suspension(app, true, 10);
    const ended = aDelivery({ userId, at: 20 }, { app });
    const counted = aDelivery({ userId, count: 4 }, { app });
    const first = [
      (await afterFailedPublish(stores, suspendUser, suspended)).events,
      (await afterFailedPublish(stores, suspendUser, suspended)).events,
      (await afterFailedPublish(stores, endSessions, ended)).events,
      (await afterFailedPublish(stores, endSessions, ended)).events,
      (await afterFailedPublish(stores, setExternalUnread, counted)).events,
      (await afterFailedPublish(stores, setExternalUnread, counted)).events,
    ];
    expect(first.map(({ length }) => length)).to.deep.equal([1, 1, 1, 1, 1, 1]);
    expect([first[1], first[3], first[5]]).to.deep.equal([first[0], first[2], first[4]]);
    expect(await stores.identities.find(app, userId)).to.have.property("version", 4);
  });

  it("hold for a user who is known by name only, and refuse one who is not known", async () => {
    const { events, publisher } = recordingPublisher();
    const app = anAppId();
    const tried = async () => [
      await suspendUser({ ...stores, publisher })(suspension(app, true, 10)),
      await endSessions({ ...stores, publisher })(aDelivery({ userId, at: 20 }, { app })),
      await setExternalUnread({ ...stores, publisher })(aDelivery({ userId, count: 4 }, { app })),
    ];
    for (const outcome of await tried()) expect(outcome).to.have.nested.property("error.code", "not_found");
    expect(events).to.deep.equal([]);
    expect(await userIn(app)).to.equal(null);

    await stores.identities.makeKnown(app, [userId], 1);
    for (const outcome of await tried()) expect(outcome).to.deep.equal({ kind: "ack" });
    expect(await userIn(app)).to.deep.include({ userId, identity: null, isSuspended: true, externalUnread: 4 });
  });
});
