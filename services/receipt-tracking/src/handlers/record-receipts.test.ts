import { type ReceiptFact, ReceiptsRecorded } from "@strata/contracts";
import { anAnnouncementId, anAppId, aUserId, type Infra, openInfra, userIds } from "@strata/testing";
import { expect } from "chai";
import { countRange, receiptKey } from "../domain/receipt-key.ts";
import { recount } from "../recounter.ts";
import { aDelivery, openStores, recipientsOf, recordingPublisher } from "../../test/support.ts";
import { recordReceipts } from "./record-receipts.ts";

const delivered = (userId: string, at = 1_000): ReceiptFact => ({ userId, kind: "delivered", at });
const read = (userId: string, at = 2_000): ReceiptFact => ({ userId, kind: "read", at });

describe("RecordReceipts", () => {
  let infra: Infra;
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    infra = await openInfra("receipt-tracking-record");
    stores = await openStores(infra);
  });
  after(async () => {
    await stores[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });

  /** A new app with one announcement to users 1 to 5, and the handler with what it is connected to. */
  function setUp() {
    const [app, announcementId] = [anAppId(), anAnnouncementId()];
    const { recipients, asked } = recipientsOf({ [announcementId]: userIds(5) });
    const recording = recordingPublisher();
    const handle = recordReceipts({ ...stores, recipients, publisher: recording.publisher });
    const command = (id: string, receipts: ReceiptFact[]) => aDelivery({ announcementId, receipts }, { app, id });
    const published = () => recording.events.map(({ payload }) => ReceiptsRecorded.payload.parse(payload).receipts);
    const rows = async () => {
      const kinds = [delivered, read].map((fact) => fact("").kind);
      const keys = kinds.flatMap((kind) => userIds(9).map((userId) => receiptKey(app, announcementId, kind, userId)));
      return stores.receipts.find(keys);
    };
    /** Counts whatever is due, as the recounter does, and answers the sums. */
    const counts = async () => {
      for (;;) {
        const leased = await stores.counts.takeDue();
        if (!leased) return stores.counts.total(countRange(app, announcementId));
        await recount(stores, leased, 0);
      }
    };
    return { app, announcementId, asked, recording, handle, command, published, rows, counts };
  }

  it("records a group with one question and one event, and counts a user with both receipts once", async () => {
    const { app, announcementId, asked, recording, handle, command, rows, counts } = setUp();
    const outcomes = await handle([
      command("c1", [delivered(aUserId(1)), delivered(aUserId(2))]),
      command("c2", [read(aUserId(1)), delivered(aUserId(3))]),
    ]);
    expect(outcomes).to.deep.equal([{ kind: "ack" }, { kind: "ack" }]);
    expect(asked).to.deep.equal([3]);
    expect(recording.events.map(({ type, app: of, payload }) => ({ type, app: of, payload }))).to.deep.equal([
      {
        type: ReceiptsRecorded.type,
        app,
        payload: {
          announcementId,
          receipts: [delivered(aUserId(1)), delivered(aUserId(2)), read(aUserId(1)), delivered(aUserId(3))],
        },
      },
    ]);
    expect((await rows()).get(receiptKey(app, announcementId, "read", aUserId(1)))).to.deep.equal({
      userId: aUserId(1),
      at: 2_000,
      by: "c2",
    });
    expect(await counts()).to.deep.include({ delivered: 3, read: 1 });
  });

  it("records a receipt once when it comes twice, in one group or later from another command", async () => {
    const { handle, command, published, rows } = setUp();
    await handle([command("c1", [read(aUserId(1), 10), read(aUserId(1), 11)]), command("c2", [read(aUserId(1), 12)])]);
    const later = await handle([command("c3", [read(aUserId(1), 13)])]);
    expect(later).to.deep.equal([{ kind: "ack" }]);
    expect(published()).to.deep.equal([[read(aUserId(1), 10)]]);
    expect([...(await rows()).values()]).to.deep.equal([{ userId: aUserId(1), at: 10, by: "c1" }]);
  });

  it("publishes again, and marks the counts again, when the same command is delivered again", async () => {
    const { handle, command, published, recording, rows, counts } = setUp();
    const first = command("c1", [delivered(aUserId(1)), delivered(aUserId(2))]);
    recording.failNext(new Error("the broker went away"));
    expect(await handle([first]).catch((error: Error) => error.message)).to.equal("the broker went away");
    expect(published()).to.deep.equal([]);
    expect(await counts()).to.deep.include({ delivered: 2, read: 0 });

    const again = command("c1", [delivered(aUserId(1), 7_777), delivered(aUserId(2), 7_777)]);
    const other = command("c2", [delivered(aUserId(2)), read(aUserId(3))]);
    expect(await handle([again, other])).to.deep.equal([{ kind: "ack" }, { kind: "ack" }]);
    // The times are those on record, whatever the repeat says.
    expect(published()).to.deep.equal([[delivered(aUserId(1)), delivered(aUserId(2)), read(aUserId(3))]]);
    expect((await rows()).size).to.equal(3);
    expect(await counts()).to.deep.include({ delivered: 3, read: 1 });
  });

  it("marks the counts before it publishes, so that a death in between loses neither", async () => {
    const { handle, command, recording, counts } = setUp();
    recording.failNext(new Error("died"));
    await handle([command("c1", [read(aUserId(1))])]).catch(() => undefined);
    expect(await counts()).to.deep.include({ delivered: 1, read: 1 });
  });

  it("publishes what an earlier delivery of the same command inserted between the look-up and the insert", async () => {
    const { app, announcementId, command, published, recording } = setUp();
    const { recipients } = recipientsOf({ [announcementId]: userIds(5) });
    const rival = (by: string, userId: string) => {
      const key = receiptKey(app, announcementId, "read", userId);
      return { key, fact: read(userId, 1), by };
    };
    const handle = recordReceipts({
      ...stores,
      publisher: recording.publisher,
      recipients: {
        ...recipients,
        // Where the handler waits for an answer, the dying process's inserts arrive.
        async find(...question) {
          await stores.receipts.insertNew([rival("c1", aUserId(1)), rival("somebody else", aUserId(2))]);
          return recipients.find(...question);
        },
      },
    });
    expect(
      await handle([
        command(
          "c1",
          userIds(3).map((userId) => read(userId)),
        ),
      ]),
    ).to.deep.equal([{ kind: "ack" }]);
    expect(published()).to.deep.equal([[read(aUserId(1), 1), read(aUserId(3))]]);
  });

  it("refuses a command none of whose users is a recipient, and stores and publishes nothing", async () => {
    const { announcementId, handle, command, published, rows, counts } = setUp();
    const [outcome] = await handle([command("c1", [read(aUserId(6)), delivered(aUserId(7))])]);
    expect(outcome).to.have.property("kind", "refuse");
    expect(outcome).to.have.nested.property("error.code", "not_found");
    expect(outcome).to.have.deep.nested.property("error.details", {
      announcementId,
      userIds: [aUserId(6), aUserId(7)],
    });
    expect(published()).to.deep.equal([]);
    expect((await rows()).size).to.equal(0);
    expect(await counts()).to.deep.include({ delivered: 0, read: 0 });
  });

  it("records the recipients of a command that it refuses for the strangers in it, and its neighbours' too", async () => {
    const { handle, command, published } = setUp();
    const outcomes = await handle([
      command("c1", [read(aUserId(1)), read(aUserId(6))]),
      command("c2", [read(aUserId(2))]),
    ]);
    expect(outcomes.map(({ kind }) => kind)).to.deep.equal(["refuse", "ack"]);
    expect(outcomes[0]).to.have.deep.nested.property("error.details.userIds", [aUserId(6)]);
    expect(published()).to.deep.equal([[read(aUserId(1)), read(aUserId(2))]]);
  });

  it("asks nobody about a reader whose delivered receipt is on record", async () => {
    const { handle, command, asked } = setUp();
    await handle([command("c1", [delivered(aUserId(1))])]);
    await handle([command("c2", [read(aUserId(1)), read(aUserId(2))])]);
    expect(asked).to.deep.equal([1, 1]);
  });

  it("takes an opening for a proof that she has it, and a deletion for none", async () => {
    const { handle, command, asked, published, counts } = setUp();
    const opened: ReceiptFact = { userId: aUserId(1), kind: "opened", at: 3_000 };
    const deleted: ReceiptFact = { userId: aUserId(2), kind: "deleted", at: 4_000 };
    await handle([command("c1", [opened, deleted])]);
    await handle([command("c2", [opened, deleted])]);
    expect(published()).to.deep.equal([[opened, deleted]]);
    expect(await counts()).to.deep.equal({ delivered: 1, read: 0, opened: 1, deleted: 1 });
    await handle([command("c3", [read(aUserId(3))])]);
    await handle([command("c4", [{ ...deleted, userId: aUserId(3) }])]);
    expect(asked).to.deep.equal([2, 1]);
  });

  it("keeps a late delivered as a fact, which changes no count", async () => {
    const { handle, command, published, counts } = setUp();
    await handle([command("c1", [read(aUserId(1))])]);
    expect(await counts()).to.deep.include({ delivered: 1, read: 1 });
    expect(await handle([command("c2", [delivered(aUserId(1))])])).to.deep.equal([{ kind: "ack" }]);
    expect(published()).to.deep.equal([[read(aUserId(1))], [delivered(aUserId(1))]]);
    expect(await counts()).to.deep.include({ delivered: 1, read: 1 });
  });

  it("keeps apps apart in one group, also where both use one announcement id", async () => {
    const { app, announcementId, handle, command, recording } = setUp();
    const foreign = anAppId();
    const outcomes = await handle([
      command("c1", [read(aUserId(1))]),
      aDelivery({ announcementId, receipts: [read(aUserId(1))] }, { app: foreign, id: "c2" }),
    ]);
    expect(outcomes).to.deep.equal([{ kind: "ack" }, { kind: "ack" }]);
    expect(recording.events.map((event) => event.app)).to.have.members([app, foreign]);
    expect(await stores.counts.total(countRange(foreign, anAnnouncementId()))).to.deep.include({
      delivered: 0,
      read: 0,
    });
  });

  it("splits a group too large for one message, and loses none of it", async () => {
    const { app, announcementId } = setUp();
    const users = userIds(12_000);
    const { recipients, asked } = recipientsOf({ [announcementId]: users });
    const { publisher, events } = recordingPublisher();
    const handle = recordReceipts({ ...stores, recipients, publisher });
    const deliveries = Array.from({ length: 12 }, (_, n) => {
      const receipts = users.slice(n * 1_000, (n + 1) * 1_000).map((userId) => delivered(userId));
      return aDelivery({ announcementId, receipts }, { app, id: `c${n}` });
    });
    const outcomes = await handle(deliveries);
    expect(outcomes.every(({ kind }) => kind === "ack")).to.equal(true);
    expect(asked).to.deep.equal([5_000, 5_000, 2_000]);
    const facts = events.flatMap(({ payload }) => ReceiptsRecorded.payload.parse(payload).receipts);
    expect(new Set(facts.map(({ userId }) => userId)).size).to.equal(12_000);
  });
});
