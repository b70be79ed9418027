import { randomUUID } from "node:crypto";
import { type AccountRole, createInvitationCode, createToken, OPERATOR, tokenHash } from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { acceptInvitation } from "../../src/handlers/accept-invitation.ts";
import { authenticateToken } from "../../src/handlers/authenticate-token.ts";
import { changeMember, removeMember } from "../../src/handlers/change-member.ts";
import { createApp } from "../../src/handlers/create-app.ts";
import { inviteMember } from "../../src/handlers/invite-member.ts";
import { liftSandbox, listSandboxes } from "../../src/handlers/sandboxes.ts";
import { signUp } from "../../src/handlers/sign-up.ts";
import { aDelivery, openStores, recordingPublisher } from "../support.ts";

const Plans = z.array(z.object({ ns: z.string(), planSummary: z.string(), docsExamined: z.number().default(0) }));
const origin = { address: "198.51.100.7", userAgent: null };
const actor = {
  kind: "token" as const,
  id: "t",
  tokenId: "t",
  scopes: ["account:admin" as const],
  expiresAt: null,
  ...origin,
};
const OTHERS = 100;

describe("what is asked of the database about accounts", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("account-indexes");
  });
  after(() => stores[Symbol.asyncDispose]());

  const deps = () => ({ ...stores, ...recordingPublisher() });
  const join = async (accountId: string, role: AccountRole = "viewer") => {
    const [code, memberId, hash] = [tokenHash(createInvitationCode()), randomUUID(), tokenHash(createToken())];
    const wanted = { accountId, memberId, email: `${memberId}@example.com`, name: null, role, codeHash: code, actor };
    await inviteMember(stores)(aDelivery(wanted));
    await acceptInvitation(stores)(aDelivery({ codeHash: code, tokenId: randomUUID(), hash, origin }));
    return { memberId, hash };
  };
  const aSandbox = async () => {
    const ids = { accountId: randomUUID(), appId: anAppId(), tokenId: randomUUID() };
    const payload = { ...ids, name: "Shop", email: "ann@example.com", hash: tokenHash(createToken()), origin };
    await signUp(deps())(aDelivery(payload));
    return ids.accountId;
  };

  it("walks an index and never a whole collection, and looks at no other account's rows", async () => {
    for (let n = 0; n < OTHERS; n += 1) {
      await stores.accounts.ensure({ _id: `other-${n}`, name: "Other", createdAt: n });
      await join(`other-${n}`);
    }
    const accountId = await aSandbox();
    await stores.db.command({ profile: 2 });
    const { memberId, hash } = await join(accountId);
    await authenticateToken(stores)(aDelivery({ hash }));
    await changeMember(deps())(aDelivery({ accountId, memberId, role: "owner" as const, actor }));
    await removeMember(deps())(aDelivery({ accountId, memberId, actor }));
    for (const appId of [null, anAppId()]) {
      await stores.tokens.list(accountId, appId, Date.now());
      await stores.tokens.countLive({ accountId, appId }, Date.now());
    }
    const app = { appId: anAppId(), accountId, name: "Shop", environment: "staging" as const };
    await createApp(deps())(aDelivery(app));
    await stores.accounts.releaseApp(accountId, app.appId);
    await liftSandbox(stores)(aDelivery({ operatorId: OPERATOR, accountId, actor }));
    await listSandboxes(stores)(aDelivery({ operatorId: OPERATOR }));
    await stores.db.command({ profile: 0 });

    const profile = stores.db.collection("system.profile");
    const plans = Plans.parse(
      await profile.find({ planSummary: { $exists: true }, ns: { $not: /system\.profile/ } }).toArray(),
    );
    expect(plans.length).to.be.above(15);
    expect(plans.filter(({ planSummary }) => planSummary.includes("COLLSCAN"))).to.deep.equal([]);
    expect(plans.filter(({ docsExamined }) => docsExamined > 5)).to.deep.equal([]);
    expect(new Set(plans.map(({ ns }) => ns.split(".").at(-1))))
      .to.include("account_members")
      .and.include("accounts");
  });
});
