import { createToken, OPERATOR, tokenHash } from "@strata/contracts";
import { expect } from "chai";
import { openStores } from "../test/support.ts";
import { bootstrapOperator } from "./bootstrap-operator.ts";
import { loadConfig } from "./config.ts";

describe("bootstrapOperator", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("bootstrap-operator");
  });
  after(() => stores[Symbol.asyncDispose]());
  beforeEach(() => stores.db.collection("tokens").deleteMany({}));

  it("stores the token's hash once, however many processes start at the same time", async () => {
    const token = createToken();
    await Promise.all([1, 2, 3].map(() => bootstrapOperator(stores, token)));
    const listed = await stores.tokens.list(OPERATOR, undefined, Date.now());
    expect(listed).to.have.lengthOf(1);
    expect(listed[0]).to.deep.include({ hash: tokenHash(token), scopes: ["account:admin"], appId: null });
    expect(JSON.stringify(await stores.db.collection("tokens").find().toArray())).not.to.include(token);
  });

  it("adds a changed value beside the old one", async () => {
    await bootstrapOperator(stores, createToken());
    await bootstrapOperator(stores, createToken());
    expect(await stores.tokens.list(OPERATOR, undefined, Date.now())).to.have.lengthOf(2);
  });

  it("does not bring a revoked token back", async () => {
    const token = createToken();
    await bootstrapOperator(stores, token);
    const stored = await stores.tokens.findByHash(tokenHash(token));
    await stores.tokens.revoke(OPERATOR, stored?.tokenId ?? "", 5, "test");
    await bootstrapOperator(stores, token);
    expect(await stores.tokens.findByHash(tokenHash(token))).to.deep.include({ revokedAt: 5 });
  });

  it("is not tried with a mistyped token, which the error does not show", () => {
    const env = { AMQP_URL: "amqp://localhost", MONGO_URL: "mongodb://localhost/directory" };
    const token = createToken();
    expect(loadConfig({ ...env, BOOTSTRAP_ACCOUNT_TOKEN: token }).BOOTSTRAP_ACCOUNT_TOKEN).to.equal(token);
    const mistyped = token.slice(0, -1);
    expect(() => loadConfig({ ...env, BOOTSTRAP_ACCOUNT_TOKEN: mistyped }))
      .to.throw(/BOOTSTRAP_ACCOUNT_TOKEN/)
      .with.property("message")
      .not.include(mistyped);
  });
});
