import { randomUUID } from "node:crypto";
import { type Actor, type AppEnvironment, createToken, OPERATOR, tokenHash } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, afterFailedPublish, openStores, recordingPublisher } from "../../test/support.ts";
import { purgeApp } from "../purge-apps.ts";
import { createApp } from "./create-app.ts";
import { liftSandbox, listSandboxes } from "./sandboxes.ts";
import { signUp } from "./sign-up.ts";

const origin = { address: "198.51.100.7", userAgent: "curl/8.5.0" };
const actor: Actor = { kind: "token", id: "t", tokenId: "t", scopes: ["account:admin"], expiresAt: null, ...origin };

const aSignUp = (changes: object = {}) =>
  aDelivery({
    accountId: randomUUID(),
    name: "Shop",
    email: "ann@example.com",
    appId: anAppId(),
    tokenId: randomUUID(),
    hash: tokenHash(createToken()),
    origin,
    ...changes,
  });

const dying = () => Promise.reject(new Error("the process died"));

describe("a sandbox account", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("sign-up");
  });
  after(() => stores[Symbol.asyncDispose]());

  const deps = () => ({ ...stores, ...recordingPublisher() });
  const aSandbox = async () => {
    const delivery = aSignUp();
    expect(await signUp(deps())(delivery)).to.have.property("kind", "reply");
    return delivery.payload;
  };
  const make = (accountId: string, environment?: AppEnvironment, appId = anAppId()) =>
    createApp(deps())(
      aDelivery({ appId, accountId, name: "Shop", actor, ...(environment === undefined ? {} : { environment }) }),
    );
  const lift = (accountId: string, operatorId = OPERATOR) =>
    liftSandbox(stores)(aDelivery({ operatorId, accountId, actor }));
  const log = async (accountId: string) => (await stores.audit.list({ accountId, after: null, limit: 100 })) ?? [];

  it("comes with one staging app and a token that administers it, all of it once, also where the process died", async () => {
    const delivery = aSignUp();
    const { accountId, appId, tokenId, hash } = delivery.payload;
    const { outcome, events } = await afterFailedPublish(stores, signUp, delivery);
    expect(outcome).to.deep.nested.include({
      "reply.account.isSandbox": true,
      "reply.app.environment": "staging",
      "reply.token.scopes": ["account:admin"],
      "reply.token.expiresAt": null,
    });
    expect(outcome).not.to.have.nested.property("reply.token.hash");
    expect((await stores.apps.list(accountId)).map((app) => app.appId)).to.deep.equal([appId]);
    expect((await stores.tokens.list(accountId, undefined, Date.now())).map((token) => token.hash)).to.deep.equal([
      hash,
    ]);
    expect(events.map(({ type, app }) => [type, app])).to.deep.equal([["directory.app.created.v1", appId]]);
    const entries = await log(accountId);
    expect(entries.map(({ action }) => action)).to.have.members(["account.created", "app.created", "token.created"]);
    for (const entry of entries) expect(entry.actor).to.deep.equal({ kind: "token", id: tokenId, tokenId, ...origin });
  });

  it("is made whole by a command that comes again, wherever the process died", async () => {
    for (const missing of [
      { apps: { ...stores.apps, insertOrFind: dying } },
      { tokens: { ...stores.tokens, insertOrFind: dying } },
      { audit: { ...stores.audit, append: dying } },
    ]) {
      const delivery = aSignUp();
      const { accountId, appId, hash } = delivery.payload;
      const died = await signUp({ ...deps(), ...missing })(delivery).catch((error: unknown) => error);
      expect(died).to.be.instanceOf(Error);
      expect(await signUp(deps())(delivery)).to.have.property("kind", "reply");
      expect((await stores.apps.list(accountId)).map((app) => app.appId)).to.deep.equal([appId]);
      expect((await stores.tokens.list(accountId, undefined, Date.now())).map((token) => token.hash)).to.deep.equal([
        hash,
      ]);
      expect(await log(accountId)).to.have.lengthOf(3);
    }
  });

  it("is one, of several commands that ask for its id at once, and says nothing of it to the others", async () => {
    const accountId = randomUUID();
    const outcomes = await Promise.all([1, 2, 3].map(() => signUp(deps())(aSignUp({ accountId }))));
    expect(outcomes.map(({ kind }) => kind)).to.have.members(["reply", "refuse", "refuse"]);
    for (const refused of outcomes.filter(({ kind }) => kind === "refuse")) {
      expect(refused).to.deep.nested.include({ "error.code": "id_in_use", "error.details": {} });
    }
    expect(await stores.tokens.list(accountId, undefined, Date.now())).to.have.lengthOf(1);
    expect(await signUp(deps())(aSignUp({ accountId: OPERATOR }))).to.have.nested.property("error.code", "id_in_use");
  });

  it("has no production app, said or not", async () => {
    const { accountId } = await aSandbox();
    for (const environment of ["production", undefined] as const) {
      const refused = await make(accountId, environment);
      expect(refused).to.have.nested.property("error.code", "invalid_operation");
      expect(refused).to.have.nested.property("error.message").that.includes("staging apps only");
    }
    expect(await stores.apps.list(accountId)).to.have.lengthOf(1);
  });

  it("has three apps at most, however many are made at once, and one that comes again is no other", async () => {
    const { accountId } = await aSandbox();
    const ids = [anAppId(), anAppId(), anAppId(), anAppId()];
    const commands = ids.map((appId) => aDelivery({ appId, accountId, name: "Shop", environment: "staging" as const }));
    const outcomes = await Promise.all(commands.map((command) => createApp(deps())(command)));
    expect(outcomes.map(({ kind }) => kind)).to.have.members(["reply", "reply", "refuse", "refuse"]);
    const again = await Promise.all(commands.map((command) => createApp(deps())(command)));
    expect(again.map(({ kind }) => kind)).to.deep.equal(outcomes.map(({ kind }) => kind));
    expect(await stores.apps.list(accountId)).to.have.lengthOf(3);
    expect(again.find(({ kind }) => kind === "refuse")).to.have.nested.property("error.code", "invalid_operation");
  });

  it("has room again once an app of it is gone for good", async () => {
    const { accountId, appId } = await aSandbox();
    for (let n = 0; n < 2; n += 1) expect(await make(accountId, "staging")).to.have.property("kind", "reply");
    expect(await make(accountId, "staging")).to.have.property("kind", "refuse");
    const app = await stores.apps.find(appId);
    if (!app) throw new Error("there is no app");
    await purgeApp({ ...deps(), purges: { begin: async () => undefined } }, app, Date.now());
    expect(await make(accountId, "staging")).to.have.property("kind", "reply");
    expect(await make(accountId, "staging")).to.have.property("kind", "refuse");
  });

  it("is an account like others once the operator has lifted it, once, and both accounts' logs say so", async () => {
    const { accountId } = await aSandbox();
    const command = aDelivery({ operatorId: OPERATOR, accountId, actor });
    const first = await liftSandbox(stores)(command);
    expect(first).to.have.nested.property("reply.isSandbox", false);
    expect(await liftSandbox(stores)(command)).to.deep.equal(first);
    expect(await lift(accountId)).to.deep.equal(first);
    for (let n = 0; n < 4; n += 1) expect(await make(accountId)).to.have.property("kind", "reply");
    const lifted = async (account: string) =>
      (await log(account)).filter(
        ({ action, subject }) => action === "account.sandbox_lifted" && subject.id === accountId,
      );
    const [own, ...more] = await lifted(accountId);
    expect(own).to.deep.include({ before: { sandbox: true }, after: { sandbox: false }, actor: null });
    expect(more).to.deep.equal([]);
    const [ofOperator, ...others] = await lifted(OPERATOR);
    expect(ofOperator).to.have.nested.property("actor.tokenId", "t");
    expect(others).to.deep.equal([]);
  });

  it("is seen and lifted by nobody but the operator, who finds no other account there", async () => {
    const { accountId } = await aSandbox();
    expect(await lift(accountId, accountId)).to.have.nested.property("error.code", "access_denied");
    const foreign = await listSandboxes(stores)(aDelivery({ operatorId: accountId }));
    expect(foreign).to.have.nested.property("error.code", "access_denied");
    expect(await lift(OPERATOR)).to.have.nested.property("error.code", "not_found");
    expect(await lift(randomUUID())).to.have.nested.property("error.code", "not_found");
    const listed = await listSandboxes(stores)(aDelivery({ operatorId: OPERATOR }));
    if (listed.kind !== "reply") throw new Error("no list");
    expect(listed.reply.accounts.map((account) => account.accountId))
      .to.include(accountId)
      .and.not.include(OPERATOR);
  });
});
