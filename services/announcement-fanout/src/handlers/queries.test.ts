import { randomUUID } from "node:crypto";
import { GetInboxEntries } from "@strata/contracts";
import { aDelivery } from "@strata/messaging/testing";
import { type Mongo, openMongo, silentLogger } from "@strata/runtime";
import { anAppId, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { aContent } from "../../test/support.ts";
import { announcementKey } from "../domain/batch.ts";
import { headerOf } from "../domain/header.ts";
import { mongoAnnouncementStore } from "../store/announcement-store.ts";
import { getInboxEntries } from "./queries.ts";

const AT = 1_790_000_000_000;

describe("getInboxEntries", () => {
  let infra: Infra;
  let mongo: Mongo;
  before(async () => {
    infra = await openInfra("inbox-entries");
    mongo = await openMongo(infra.mongoUrl("fanout"), silentLogger);
  });
  after(async () => {
    await mongo.close();
    await infra[Symbol.asyncDispose]();
  });

  it("answers in the order asked, when she got it and without others' business, and nothing of other apps", async () => {
    const announcements = mongoAnnouncementStore(mongo.db);
    const [app, other] = [anAppId(), anAppId()];
    const [first, second, foreign] = [randomUUID(), randomUUID(), randomUUID()];
    const header = (of: string, announcementId: string) =>
      headerOf({
        ...aContent(),
        _id: announcementKey(of, announcementId),
        app: of,
        state: "distributed",
        at: AT,
        recipientCount: 2,
        recipients: ["ann", "bob"],
        unknown: [],
        digest: "",
        by: "c",
        startedBy: null,
        chunks: null,
      });
    await announcements.insertNew([header(app, first), header(app, second), header(other, foreign)]);
    const keys = [second, randomUUID(), first, foreign].map((announcementId, n) => ({ announcementId, at: AT + n }));
    const outcome = await getInboxEntries({ announcements })(aDelivery({ userId: "ann", keys }, { app }));
    const { entries } = z.object({ reply: GetInboxEntries.reply }).parse(outcome).reply;
    expect(entries.map(({ announcementId, at }) => [announcementId, at])).to.deep.equal([
      [second, AT],
      [first, AT + 2],
    ]);
    for (const entry of entries) expect(entry).to.include({ recipients: null, notification: null });
  });
});
