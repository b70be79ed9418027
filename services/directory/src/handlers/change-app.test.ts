import { randomUUID } from "node:crypto";
import { type AppChange, createToken as newToken, OPERATOR, tokenHash } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, afterFailedPublish, openStores, recordingPublisher } from "../../test/support.ts";
import { purgeApp } from "../purge-apps.ts";
import { authenticateToken } from "./authenticate-token.ts";
import { changeApp } from "./change-app.ts";
import { getAppOpening } from "./get-app-opening.ts";

const appDeletionGraceMs = 1_000;
const AT = 10_000;

const changing = (appId: string, change: AppChange, at = AT) =>
  aDelivery({ appId, accountId: OPERATOR, change }, { sentAt: new Date(at) });

describe("changeApp", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("change-app");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** Stored as rows were before apps had a state. */
  const anApp = async (): Promise<string> => {
    const appId = anAppId();
    await stores.apps.insertOrFind({ appId, accountId: OPERATOR, name: "Shop", createdAt: 0 }, "test");
    return appId;
  };
  const aToken = async (appId: string) => {
    const token = { tokenId: randomUUID(), accountId: OPERATOR, appId, name: "x", scopes: ["app:read" as const] };
    const hash = tokenHash(newToken());
    await stores.tokens.insertOrFind(
      { ...token, expiresAt: null, createdAt: 0, revokedAt: null, hash, version: 1 },
      "t",
    );
    return hash;
  };
  const deps = () => ({ ...stores, ...recordingPublisher(), appDeletionGraceMs });
  const change = (appId: string, what: AppChange, at = AT) => changeApp(deps())(changing(appId, what, at));
  const log = async (appId: string) =>
    (await stores.audit.list({ accountId: OPERATOR, appId, after: null, limit: 100 })) ?? [];
  const grantFor = async (hash: string) => {
    const outcome = await authenticateToken(stores)(aDelivery({ hash }));
    return outcome.kind === "reply" ? outcome.reply.grant : outcome;
  };

  it("is done once and told each time, also where it was resumed in between", async () => {
    const appId = await anApp();
    const suspension = changing(appId, { kind: "suspend" });
    const withGrace = (all: typeof stores & { publisher: ReturnType<typeof recordingPublisher>["publisher"] }) =>
      changeApp({ ...all, appDeletionGraceMs });
    const { outcome, events } = await afterFailedPublish(stores, withGrace, suspension);
    expect(outcome).to.have.nested.property("reply.suspendedAt", AT);
    expect(events[0]).to.deep.include({
      type: "directory.app.changed.v1",
      payload: { appId, name: "Shop", state: "suspended", version: 2 },
    });
    await change(appId, { kind: "resume" });
    await changeApp(deps())(suspension);
    expect(await stores.apps.find(appId)).to.include({ suspendedAt: null });
    expect((await log(appId)).map(({ action }) => action)).to.have.members(["app.suspended", "app.resumed"]);
  });

  it("changes nothing that is so already, and writes nothing down then", async () => {
    const appId = await anApp();
    for (const what of [{ kind: "resume" }, { kind: "restore" }, { kind: "rename", name: "Shop" }] as const) {
      expect(await change(appId, what)).to.have.nested.property("reply.name", "Shop");
    }
    expect(await log(appId)).to.deep.equal([]);
  });

  it("says whether it is open, and since when without a break", async () => {
    const appId = await anApp();
    const opening = async (of = appId) => {
      const outcome = await getAppOpening(stores)(aDelivery({}, { app: of }));
      return outcome.kind === "reply" ? outcome.reply : outcome;
    };
    expect(await opening()).to.deep.equal({ isOpen: true, since: 0 });
    await change(appId, { kind: "suspend" }, 1_000);
    expect(await opening()).to.have.property("isOpen", false);
    await change(appId, { kind: "resume" }, 2_000);
    expect(await opening()).to.deep.equal({ isOpen: true, since: 2_000 });
    await change(appId, { kind: "delete" }, 3_000);
    expect(await opening()).to.have.property("isOpen", false);
    await change(appId, { kind: "restore" }, 3_500);
    expect(await opening()).to.deep.equal({ isOpen: true, since: 3_500 });
    expect(await opening(anAppId())).to.have.property("isOpen", false);
  });

  it("says to a token's grant that its app lets nobody in, and for which environment it is", async () => {
    const appId = await anApp();
    const hash = await aToken(appId);
    expect(await grantFor(hash))
      .to.include({ appId })
      .and.not.have.any.keys("closed", "environment");
    await change(appId, { kind: "suspend" });
    expect(await grantFor(hash)).to.include({ closed: "suspended" });
    await change(appId, { kind: "delete" });
    expect(await grantFor(hash)).to.include({ closed: "deleted" });
    await stores.apps.purged(appId, AT);
  });

  it("restores until the grace is over, and not what is being purged", async () => {
    const appId = await anApp();
    await change(appId, { kind: "delete" });
    expect(await change(appId, { kind: "restore" }, AT + appDeletionGraceMs)).to.have.nested.property(
      "error.code",
      "invalid_operation",
    );
    expect(await stores.apps.claimPurge(AT + appDeletionGraceMs - 1, 1)).to.equal(null);
    expect(await change(appId, { kind: "restore" }, AT + 999)).to.have.nested.property("reply.deletedAt", null);
    await change(appId, { kind: "delete" });
    expect(await stores.apps.claimPurge(AT + appDeletionGraceMs, 60_000)).to.include({ appId });
    expect(await change(appId, { kind: "restore" }, AT + 999)).to.have.nested.property(
      "error.code",
      "invalid_operation",
    );
    await stores.apps.purged(appId, 0);
  });

  it("ends the tokens of what is purged, says so, and does so again where the process died", async () => {
    const [appId, other] = [await anApp(), await anApp()];
    const [hash, otherHash] = [await aToken(appId), await aToken(other)];
    await change(appId, { kind: "delete" });
    const due = AT + appDeletionGraceMs;
    const app = await stores.apps.claimPurge(due, 50);
    if (app === null) throw new Error("nothing is due");
    expect(await stores.apps.claimPurge(due + 49, 50)).to.equal(null);

    const purged: string[] = [];
    const purges = { begin: async (gone: string) => void purged.push(gone) };
    const { publisher: failing } = recordingPublisher({ failing: true });
    const died = await purgeApp({ ...stores, purges, publisher: failing }, app, due).catch((error: unknown) => error);
    expect(died).to.be.instanceOf(Error);
    expect(await stores.apps.claimPurge(due + 50, 50)).to.include({ appId });
    const { events, publisher } = recordingPublisher();
    await purgeApp({ ...stores, purges, publisher }, app, due + 50);
    expect(purged).to.deep.equal([appId]);
    expect(events.map(({ type, app: of }) => [type, of])).to.deep.equal([
      ["directory.token.revoked.v1", appId],
      ["directory.app.changed.v1", appId],
    ]);
    expect(events[1]).to.have.nested.property("payload.state", "purged");
    expect(await grantFor(hash)).to.equal(null);
    expect(await grantFor(otherHash)).not.to.equal(null);
    expect(await stores.apps.claimPurge(9e15, 50)).to.equal(null);
    expect((await log(appId)).map(({ action }) => action)).to.have.members(["app.deleted", "app.purged"]);
    expect(await change(appId, { kind: "restore" }, AT + 1)).to.have.nested.property("error.code", "not_found");
    expect((await stores.apps.list(OPERATOR)).map((one) => one.appId))
      .to.include(other)
      .and.not.include(appId);
  });

  it("does not reach another account's app", async () => {
    const appId = await anApp();
    const outcome = await changeApp(deps())(
      aDelivery({ appId, accountId: "other", change: { kind: "delete" as const } }),
    );
    expect(outcome).to.have.nested.property("error.code", "not_found");
    expect(await stores.apps.find(appId)).not.to.have.property("deletedAt");
  });
});
