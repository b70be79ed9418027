import { randomUUID } from "node:crypto";
import {
  type CreateSession,
  IdentityCreated,
  IdentityUpdated,
  OPERATOR,
  type PayloadOf,
  UsersKnown,
} from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { afterFailedPublish, aDelivery, openStores, recordingPublisher, withIdentity } from "../../test/support.ts";
import { createSession } from "./create-session.ts";
import { deleteIdentity } from "./delete-identity.ts";
import { deleteUser } from "./delete-user.ts";
import { endSessions } from "./end-sessions.ts";
import { authenticateSession, endSession } from "./sessions.ts";
import { suspendUser } from "./suspend-user.ts";

describe("sessions", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  const app = anAppId();
  const DAY_MS = 86_400_000;
  before(async () => {
    stores = await openStores("sessions");
    await stores.apps.insertOrFind({ appId: app, accountId: OPERATOR, name: "Shop", createdAt: 0 }, "test");
  });
  after(() => stores[Symbol.asyncDispose]());

  type Wanted = PayloadOf<typeof CreateSession>;
  const wanted = (changes: Partial<Wanted> = {}): Wanted => ({
    userId: `user-${randomUUID()}`,
    hash: randomUUID().replaceAll("-", "").repeat(2),
    nonce: randomUUID(),
    nonceExpiresAt: Date.now() + 600_000,
    claims: {},
    at: Date.now(),
    ...changes,
  });
  const deps = () => ({ ...stores, ...recordingPublisher() });
  const begin = (payload: Wanted, at = app) => createSession(deps())(aDelivery(payload, { app: at }));
  const sessionOf = async (hash: string, at = app) => {
    const outcome = await authenticateSession(stores)(aDelivery({ hash }, { app: at }));
    return outcome.kind === "reply" ? outcome.reply.session : outcome;
  };

  describe("createSession", () => {
    it("begins a session for as long as the app's settings say", async () => {
      const payload = wanted();
      const before = Date.now();
      const outcome = await begin(payload);
      expect(outcome).to.have.nested.property("reply.userId", payload.userId);
      const session = await sessionOf(payload.hash);
      expect(session).to.have.property("userId", payload.userId);
      expect(session)
        .to.have.property("expiresAt")
        .that.is.within(before + 30 * DAY_MS, Date.now() + 30 * DAY_MS);
      await stores.apps.change({ appId: app, accountId: null }, { "settings.sessionTtlSeconds": 30 }, randomUUID());
      const short = wanted();
      await begin(short);
      expect(await sessionOf(short.hash))
        .to.have.property("expiresAt")
        .that.is.below(Date.now() + 30_001);
      const settings = { "settings.sessionTtlSeconds": (30 * DAY_MS) / 1_000 };
      await stores.apps.change({ appId: app, accountId: null }, settings, randomUUID());
    });

    it("lets exactly one of 20 at once have a nonce", async () => {
      const nonce = randomUUID();
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => begin(wanted({ nonce }))));
      expect(outcomes.filter(({ kind }) => kind === "reply")).to.have.lengthOf(1);
      for (const outcome of outcomes.filter(({ kind }) => kind !== "reply")) {
        expect(outcome).to.deep.nested.include({ "error.code": "conflict", "error.details.property": "nonce" });
      }
    });

    it("answers the same again when its command comes again, though its nonce is used", async () => {
      const delivery = aDelivery(wanted({ claims: { displayName: "Ann" } }), { app });
      const first = await createSession(deps())(delivery);
      expect(first).to.have.property("kind", "reply");
      expect(await createSession(deps())(delivery)).to.deep.equal(first);
    });

    it("refuses a suspended user, and leaves her nonce", async () => {
      const payload = wanted();
      await begin(payload);
      const { userId, nonce } = wanted({ userId: payload.userId });
      await suspendUser(deps())(aDelivery({ userId, isSuspended: true, at: Date.now() }, { app }));
      expect(await begin(wanted({ userId, nonce }))).to.have.nested.property("error.code", "user_suspended");
      await suspendUser(deps())(aDelivery({ userId, isSuspended: false, at: Date.now() }, { app }));
      expect(await begin(wanted({ userId, nonce }))).to.have.property("kind", "reply");
    });

    it("refuses an app that there is not", async () => {
      expect(await begin(wanted(), anAppId())).to.deep.nested.include({
        "error.code": "not_found",
        "error.details.property": "app_id",
      });
    });

    it("begins one that is valid also right behind an end by a clock that is ahead", async () => {
      const { userId } = wanted();
      await begin(wanted({ userId }));
      await endSessions(deps())(aDelivery({ userId, at: Date.now() + 60_000 }, { app }));
      const payload = wanted({ userId });
      await begin(payload);
      expect(await sessionOf(payload.hash)).to.have.property("userId", userId);
    });

    it("is nothing from before a user was deleted", async () => {
      const { userId } = wanted();
      await begin(wanted({ userId }));
      const sentAt = new Date();
      await deleteUser(deps())(aDelivery({ userId, at: Date.now() + 1_000 }, { app }));
      const late = wanted({ userId });
      const outcome = await createSession(deps())(aDelivery(late, { app, sentAt }));
      expect(outcome).to.have.nested.property("error.code", "service_unavailable");
      expect(await sessionOf(late.hash)).to.equal(null);
    });
  });

  const identityOf = async (userId: string) => (await stores.identities.findMany(app, [userId]))[0];

  const login = async (payload: Wanted) => {
    const { events, publisher } = recordingPublisher();
    await createSession({ ...stores, publisher })(aDelivery(payload, { app }));
    return events.map(({ type }) => type);
  };

  describe("the first session of a user", () => {
    it("makes her known, and gives her an identity only where her token names her", async () => {
      const nameless = wanted();
      expect(await login(nameless)).to.deep.equal([UsersKnown.type]);
      expect(await stores.identities.findUnknown(app, [nameless.userId])).to.deep.equal([]);
      expect(await identityOf(nameless.userId)).to.equal(undefined);

      const named = wanted({ claims: { firstName: "Ann", lastName: "Lee", avatarUrl: "https://a.example/a.png" } });
      expect(await login(named)).to.deep.equal([IdentityCreated.type]);
      expect(await identityOf(named.userId)).to.deep.include({
        displayName: "Ann Lee",
        firstName: "Ann",
        lastName: "Lee",
        avatarUrl: "https://a.example/a.png",
        emailAddress: null,
        metadata: {},
      });
    });

    it("changes what its token says of her identity, and no more; later sessions change nothing", async () => {
      const { userId } = wanted();
      await withIdentity(stores, app, userId, "Old");
      expect(await login(wanted({ userId, claims: { displayName: "New" } }))).to.deep.equal([IdentityUpdated.type]);
      expect(await identityOf(userId)).to.deep.include({ displayName: "New", metadata: { tier: "gold" } });
      expect(await login(wanted({ userId, claims: { displayName: "Newer" } }))).to.deep.equal([]);
      expect(await identityOf(userId)).to.have.property("displayName", "New");
    });

    it("gives no identity back that was taken away", async () => {
      const { userId } = wanted();
      await login(wanted({ userId, claims: { displayName: "Ann" } }));
      await deleteIdentity(deps())(aDelivery({ userId }, { app }));
      await login(wanted({ userId, claims: { displayName: "Ann" } }));
      expect(await identityOf(userId)).to.equal(undefined);
    });

    it("tells of her again when it comes again after a publish that failed", async () => {
      const { userId } = wanted();
      await withIdentity(stores, app, userId, "Old");
      for (const [payload, type] of [
        [wanted(), UsersKnown.type],
        [wanted({ claims: { displayName: "Ann" } }), IdentityCreated.type],
        [wanted({ userId, claims: { displayName: "New" } }), IdentityUpdated.type],
      ] as const) {
        const { outcome, events } = await afterFailedPublish(stores, createSession, aDelivery(payload, { app }));
        expect(outcome, type).to.have.property("kind", "reply");
        expect(events.map((event) => event.type)).to.deep.equal([type]);
      }
    });
  });

  describe("authenticateSession", () => {
    it("knows no session of another app, whatever its hash", async () => {
      const payload = wanted();
      await begin(payload);
      expect(await sessionOf(payload.hash, anAppId())).to.equal(null);
    });

    it("knows none of a user once she was suspended, deleted, or all hers were ended; those after it are others", async () => {
      const endings = {
        suspended: (userId: string, at: number) =>
          suspendUser(deps())(aDelivery({ userId, isSuspended: true, at }, { app })),
        deleted: (userId: string, at: number) => deleteUser(deps())(aDelivery({ userId, at }, { app })),
        ended: (userId: string, at: number) => endSessions(deps())(aDelivery({ userId, at }, { app })),
      };
      for (const [name, end] of Object.entries(endings)) {
        const [payload, other] = [wanted(), wanted()];
        await begin(payload);
        await begin(other);
        await end(payload.userId, Date.now());
        expect(await sessionOf(payload.hash), name).to.equal(null);
        expect(await sessionOf(other.hash), name).not.to.equal(null);
      }
    });

    it("knows none that was suspended away, also once the suspension is lifted", async () => {
      const payload = wanted();
      await begin(payload);
      const { userId } = payload;
      await suspendUser(deps())(aDelivery({ userId, isSuspended: true, at: Date.now() }, { app }));
      await suspendUser(deps())(aDelivery({ userId, isSuspended: false, at: Date.now() }, { app }));
      expect(await sessionOf(payload.hash)).to.equal(null);
    });

    it("knows none that has expired", async () => {
      const row = { app, userId: "ann", hash: "a".repeat(64), beganAt: 1, expiresAt: new Date(2), by: "test" };
      await stores.identities.makeKnown(app, ["ann"], 1);
      await stores.sessions.insertOrFind(row);
      expect(await sessionOf(row.hash)).to.equal(null);
    });
  });

  describe("endSession", () => {
    it("ends one and no other, and tells of it each time", async () => {
      const payload = wanted();
      const other = wanted({ userId: payload.userId });
      await begin(payload);
      await begin(other);
      const { hash, userId } = payload;
      const { events, publisher } = recordingPublisher();
      for (const at of [5, 6]) {
        await endSession({ ...stores, publisher })(aDelivery({ hash, at }, { app }));
        expect(events.at(-1)).to.deep.include({ app, payload: { userId, hash, at: 5 } });
      }
      expect(events).to.have.lengthOf(2);
      expect(await sessionOf(hash)).to.equal(null);
      expect(await sessionOf(other.hash)).not.to.equal(null);
    });

    it("does nothing about one that there is none of, and nothing in another app", async () => {
      const payload = wanted();
      await begin(payload);
      const { events, publisher } = recordingPublisher();
      const ending = aDelivery({ hash: payload.hash, at: 5 }, { app: anAppId() });
      expect(await endSession({ ...stores, publisher })(ending)).to.have.property("kind", "ack");
      expect(events).to.deep.equal([]);
      expect(await sessionOf(payload.hash)).not.to.equal(null);
    });
  });
});
