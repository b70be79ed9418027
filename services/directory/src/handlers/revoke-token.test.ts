import { randomUUID } from "node:crypto";
import { createToken as newToken, NO_APP, OPERATOR, tokenHash } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { authenticateToken } from "./authenticate-token.ts";
import { revokeToken } from "./revoke-token.ts";

describe("revokeToken", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("revoke-token");
  });
  after(() => stores[Symbol.asyncDispose]());

  const aToken = async (appId: string | null) => {
    const token = {
      tokenId: randomUUID(),
      accountId: OPERATOR,
      appId,
      name: "backend",
      scopes: ["app:read" as const],
      expiresAt: null,
      createdAt: 0,
      revokedAt: null,
      hash: tokenHash(newToken()),
      version: 1,
    };
    await stores.tokens.insertOrFind(token, "test");
    return token;
  };
  const grantFor = async (hash: string) => {
    const outcome = await authenticateToken(stores)(aDelivery({ hash }));
    return outcome.kind === "reply" ? outcome.reply.grant : outcome;
  };

  it("takes away what the token granted, and tells every gateway under its app", async () => {
    const { events, publisher } = recordingPublisher();
    const { tokenId, hash, appId } = await aToken(anAppId());
    expect(await grantFor(hash)).to.deep.include({ tokenId, appId, scopes: ["app:read"] });

    const outcome = await revokeToken({ ...stores, publisher })(aDelivery({ tokenId, accountId: OPERATOR }));
    expect(outcome).to.deep.equal({ kind: "ack" });
    expect(await grantFor(hash)).to.equal(null);
    expect(events).to.have.lengthOf(1);
    expect(events[0]).to.deep.include({ type: "directory.token.revoked.v1", app: appId, payload: { tokenId, hash } });
  });

  it("tells of an account's token under no app", async () => {
    const { events, publisher } = recordingPublisher();
    const { tokenId } = await aToken(null);
    await revokeToken({ ...stores, publisher })(aDelivery({ tokenId, accountId: OPERATOR }));
    expect(events[0]).to.have.property("app", NO_APP);
  });

  it("tells again when asked again, and keeps the first moment", async () => {
    const { events, publisher } = recordingPublisher();
    const { tokenId, hash } = await aToken(null);
    await stores.tokens.revoke(OPERATOR, tokenId, 5, "test");
    await revokeToken({ ...stores, publisher })(aDelivery({ tokenId, accountId: OPERATOR }));
    expect(await stores.tokens.findByHash(hash)).to.deep.include({ revokedAt: 5, version: 2 });
    expect(events).to.have.lengthOf(1);
  });

  it("does not reach another account's token", async () => {
    const { events, publisher } = recordingPublisher();
    const { tokenId, hash } = await aToken(null);
    const outcome = await revokeToken({ ...stores, publisher })(aDelivery({ tokenId, accountId: "other" }));
    expect(outcome).to.have.nested.property("error.code", "not_found");
    expect(await grantFor(hash)).not.to.equal(null);
    expect(events).to.deep.equal([]);
  });

  it("finds nothing granted for a hash that no token has", async () => {
    expect(await grantFor(tokenHash("unknown"))).to.equal(null);
  });
});
