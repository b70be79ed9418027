import { randomUUID } from "node:crypto";
import { createToken as newToken, OPERATOR, tokenHash } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, afterFailedPublish, openStores, recordingPublisher } from "../../test/support.ts";
import { recordTokenUses } from "./record-token-uses.ts";
import { rotateToken } from "./rotate-token.ts";

const rotation = (tokenId: string, changes: object = {}) =>
  aDelivery(
    {
      tokenId,
      accountId: OPERATOR,
      newTokenId: randomUUID(),
      hash: tokenHash(newToken()),
      overlapMs: 1_000,
      ...changes,
    },
    { sentAt: new Date(10_000) },
  );

describe("rotateToken", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  const appId = anAppId();
  before(async () => {
    stores = await openStores("rotate-token");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** Stored as rows were before they could be replaced. */
  const aToken = async (expiresAt: number | null = null) => {
    const token = { tokenId: randomUUID(), accountId: OPERATOR, appId, name: "backend", scopes: ["app:read" as const] };
    const times = { expiresAt, createdAt: 0, revokedAt: null };
    const stored = { ...token, ...times, hash: tokenHash(newToken()), version: 1 };
    await stores.tokens.insertOrFind(stored, "test");
    return stored;
  };
  it("has made one token, however often its command comes, and whatever is left of the old one", async () => {
    for (const expiresAt of [null, 10_500]) {
      const old = await aToken(expiresAt);
      const delivery = rotation(old.tokenId, { overlapMs: 0 });
      const { outcome, events } = await afterFailedPublish(stores, rotateToken, delivery);
      const { newTokenId, hash } = delivery.payload;
      expect(outcome)
        .to.have.property("reply")
        .that.deep.includes({ tokenId: newTokenId, expiresAt, createdAt: 10_000 });
      expect(outcome).not.to.have.nested.property("reply.hash");
      expect(await stores.tokens.findByHash(hash)).to.deep.include({ scopes: ["app:read"], appId, expiresAt });
      expect(await stores.tokens.findByHash(old.hash)).to.include({ expiresAt: 10_000, replacedBy: newTokenId });
      expect(events).to.have.lengthOf(1);
      expect(events[0]).to.deep.include({
        type: "directory.token.changed.v1",
        payload: { tokenId: old.tokenId, hash: old.hash },
      });
    }
  });

  it("leaves a token as it is that has ended, or that another command has replaced", async () => {
    const deps = { ...stores, ...recordingPublisher() };
    const old = await aToken();
    await rotateToken(deps)(rotation(old.tokenId));
    const second = rotation(old.tokenId);
    for (const delivery of [second, rotation((await aToken(10_000)).tokenId, { expiresAt: null })]) {
      const outcome = await rotateToken(deps)(delivery);
      expect(outcome).to.have.nested.property("error.code", "invalid_operation");
      expect(await stores.tokens.findByHash(delivery.payload.hash)).to.equal(null);
    }
  });

  it("takes no id that is in use, and leaves the old token alone then", async () => {
    const [old, other] = [await aToken(), await aToken()];
    const outcome = await rotateToken({ ...stores, ...recordingPublisher() })(
      rotation(old.tokenId, { newTokenId: other.tokenId }),
    );
    expect(outcome).to.have.nested.property("error.code", "id_in_use");
    expect(outcome).not.to.have.nested.property("error.details.token.hash");
    expect(await stores.tokens.findByHash(old.hash)).to.include({ expiresAt: null });
  });

  it("knows no token of another account", async () => {
    const old = await aToken();
    const outcome = await rotateToken({ ...stores, ...recordingPublisher() })(
      rotation(old.tokenId, { accountId: "other" }),
    );
    expect(outcome).to.have.nested.property("error.code", "not_found");
  });

  it("keeps the latest use of a token, in whatever order reports come", async () => {
    const { tokenId, hash } = await aToken();
    for (const at of [5, 9, 7]) {
      const uses = [
        { accountId: OPERATOR, tokenId, at },
        { accountId: "other", tokenId, at: 99 },
      ];
      expect(await recordTokenUses(stores)(aDelivery({ uses }))).to.have.property("kind", "ack");
    }
    expect(await stores.tokens.findByHash(hash)).to.include({ lastUsedAt: 9 });
  });
});
