import { aDelivery } from "@strata/messaging/testing";
import { expect } from "chai";
import { usersOf } from "../../test/crowd.ts";
import { openStage, PARTITION, type Stage } from "../../test/stage.ts";
import { batchesOfEveryone, batchesOfFew } from "../domain/batch.ts";
import { listInboxKeys, listInboxKeysOfUsers } from "./list-inbox-keys.ts";

describe("listInboxKeysOfUsers", () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage("list-inbox-keys");
  });
  after(() => stage[Symbol.asyncDispose]());

  it("names by their positions who has what, as each is told herself, without what was taken back or is over", async () => {
    const { app, deps, announced } = stage.anApp();
    const [ann = "", bob = "", carol = ""] = usersOf(PARTITION, 3);
    const ids = {
      named: await announced([[ann]], { state: "distributed" }),
      everyone: await announced([[ann]], { state: "distributed" }),
      recalled: await announced([[ann]], { state: "recalled", hidesFrom: 1 }),
      expired: await announced([[ann]], { state: "distributed", hidesFrom: Date.now() - 1 }),
      expiring: await announced([[ann]], { state: "distributed", hidesFrom: Date.now() + 60_000 }),
    };
    await deps.batches.insertNew([
      ...batchesOfFew(app, ids.named, 1, [ann, carol]),
      ...batchesOfEveryone(app, ids.everyone, 2, 10),
      ...batchesOfFew(app, ids.recalled, 3, [ann, bob]),
      ...batchesOfEveryone(app, ids.expired, 4, 10),
      ...batchesOfFew(app, ids.expiring, 5, [bob]),
    ]);
    const [userIds, knownSince] = [
      [ann, bob, carol],
      [10, 11, null],
    ];
    const answer = await listInboxKeysOfUsers(deps)(aDelivery({ userIds, knownSince }, { app }));
    if (answer.kind !== "reply") throw new Error(answer.kind);
    const { announcements, left } = answer.reply;
    expect(left).to.deep.equal([]);
    expect(
      new Map(announcements.map(({ announcementId, users }) => [announcementId, users.toSorted((a, b) => a - b)])),
    ).to.deep.equal(
      new Map([
        [ids.named, [0, 2]],
        [ids.everyone, [0]],
        [ids.expiring, [1]],
      ]),
    );
    for (const [n, userId] of userIds.entries()) {
      const question = { userId, after: null, since: null, knownSince: knownSince[n] ?? null, limit: 10 };
      const alone = await listInboxKeys(deps)(aDelivery(question, { app }));
      const keys = alone.kind === "reply" ? alone.reply.keys?.map(({ announcementId }) => announcementId) : null;
      const here = announcements.filter(({ users }) => users.includes(n)).map(({ announcementId }) => announcementId);
      expect(keys?.toSorted()).to.deep.equal(here.toSorted());
    }
  });
});
