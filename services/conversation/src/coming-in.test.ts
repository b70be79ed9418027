import { expect } from "chai";
import { governing, mia, olga, rosa } from "../test/governing.ts";
import { openStores } from "../test/support.ts";
import { bannedAmong, requireMayComeIn } from "./coming-in.ts";

describe("coming into a conversation", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("coming-in");
  });
  after(() => stores[Symbol.asyncDispose]());

  it("is refused by the names of those who are banned from it, or tells who they are; of nobody else, and nowhere else", async () => {
    const home = governing(stores);
    const [row, other] = [await home.conversation(), await home.conversation()];
    for (const userId of [rosa, mia]) await home.act(row, { kind: "ban", userId, expiresAt: null, reason: null });
    const { conversationId } = row;
    expect(await bannedAmong(home.deps)(home.app, conversationId, [olga, rosa, mia])).to.deep.equal([mia, rosa]);
    const refusal: unknown = await requireMayComeIn(home.deps)(home.app, conversationId, [rosa, mia]).catch(
      (error: unknown) => error,
    );
    expect(refusal).to.deep.include({ code: "user_banned", details: { userIds: [mia, rosa] } });
    expect(refusal)
      .to.have.property("message")
      .that.includes(`layer:///identities/${mia}, layer:///identities/${rosa}`);
    await requireMayComeIn(home.deps)(home.app, conversationId, [olga]);
    await requireMayComeIn(home.deps)(home.app, other.conversationId, [rosa]);
    await requireMayComeIn(home.deps)(governing(stores).app, conversationId, [rosa]);
  });
});
