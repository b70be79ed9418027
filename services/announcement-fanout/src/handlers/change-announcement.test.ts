import {
  AnnouncementCanceled,
  AnnouncementCorrected,
  AnnouncementRecalled,
  AnnouncementScheduled,
  type ChangeAnnouncement,
  partitionOf,
  type PayloadOf,
} from "@strata/contracts";
import { aDelivery } from "@strata/messaging/testing";
import { expect } from "chai";
import { openStage, type Stage } from "../../test/stage.ts";
import { changeAnnouncement } from "./change-announcement.ts";
import { recallAnnouncement } from "./change-state.ts";
import { getAnnouncementContent, listInbox } from "./queries.ts";

const HOUR_MS = 3_600_000;
const PARTS = [{ mimeType: "text/plain", body: "corrected", encoding: null }];
/** Somebody of the partition that announcements are staged in. */
const user = Array.from({ length: 1_000 }, (_, n) => `u${n}`).find((userId) => partitionOf(userId) === 5) ?? "";

describe("a changed announcement", () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage("change-announcement");
  });
  after(() => stage[Symbol.asyncDispose]());

  async function set(fields: Parameters<ReturnType<Stage["anApp"]>["announced"]>[1] = {}) {
    const app = stage.anApp();
    const announcementId = await app.announced([[user], ["b"]], fields);
    return {
      ...app,
      announcementId,
      header: () => app.find(announcementId),
      asking: (asked: Partial<PayloadOf<typeof ChangeAnnouncement>>) =>
        aDelivery({ announcementId, content: {}, terms: {}, ...asked }, { app: app.app }),
      naming: () => aDelivery({ announcementId }, { app: app.app }),
      async inbox() {
        const answer = await listInbox(app.deps)(aDelivery({ userId: user, limit: 20, after: null }, { app: app.app }));
        return answer.kind === "reply" ? (answer.reply.entries ?? []) : [];
      },
    };
  }

  it("before its start is another one: any field, one version more, still its first revision", async () => {
    const one = await set({ state: "scheduled", startsAt: Date.now() + HOUR_MS });
    const at = Date.now() + 2 * HOUR_MS;
    const asked = one.asking({
      content: { parts: PARTS },
      terms: { schedule: { at }, category: "offers", throttlePerMinute: 5 },
    });
    one.failNext(new Error("killed"));
    await changeAnnouncement(one.deps)(asked).catch(() => undefined);
    expect(await changeAnnouncement(one.deps)(asked)).to.have.nested.property("reply.outcome", "done");
    expect(await one.header()).to.deep.include({
      state: "scheduled",
      startsAt: at,
      schedule: { at },
      category: "offers",
      throttlePerMinute: 5,
      parts: PARTS,
      version: 2,
      corrections: [],
    });
    const [event] = one.eventsOf(AnnouncementScheduled.type);
    expect(event?.payload).to.deep.include({ startsAt: at, version: 2 });
  });

  it("starts at once where its start is taken away", async () => {
    const one = await set({ state: "scheduled", startsAt: Date.now() + HOUR_MS });
    await changeAnnouncement(one.deps)(one.asking({ terms: { schedule: null } }));
    expect((await one.header())?.startsAt).to.be.at.most(Date.now());
  });

  it("after its start is corrected: one revision a command, however often it comes, in the inbox at once", async () => {
    const one = await set();
    await one.work();
    const asked = one.asking({ content: { parts: PARTS } });
    one.failNext(new Error("killed"));
    await changeAnnouncement(one.deps)(asked).catch(() => undefined);
    await changeAnnouncement(one.deps)(asked);
    const second = one.asking({ content: { notification: { text: "again" } } });
    await changeAnnouncement(one.deps)(second);
    await changeAnnouncement(one.deps)(asked);
    const header = await one.header();
    expect(header?.corrections.map(({ revision }) => revision)).to.deep.equal([2, 3]);
    expect(header).to.deep.include({ parts: PARTS, notification: { text: "again" }, state: "distributed" });
    const [entry] = await one.inbox();
    expect(entry).to.deep.include({ parts: PARTS, revision: 3 });
    expect(entry?.revisions?.map(({ revision }) => revision)).to.deep.equal([1, 2, 3]);
    const told = one.eventsOf(AnnouncementCorrected.type).map(({ payload }) => Object(payload)["revision"]);
    expect(told).to.deep.equal([2, 3, 2]);
  });

  it("refuses after its start what can only be said before, and any change after its end", async () => {
    const begun = await set();
    const terms = { category: "late" };
    const answer = await changeAnnouncement(begun.deps)(begun.asking({ terms, content: { parts: PARTS } }));
    expect(answer).to.have.nested.property("reply.outcome", "wrong-state");
    expect(await begun.header()).to.deep.include({ category: null, version: 1 });
    const over = await set({ state: "canceled" });
    const late = await changeAnnouncement(over.deps)(over.asking({ content: { parts: PARTS } }));
    expect(late).to.have.nested.property("reply.outcome", "wrong-state");
    const nothing = aDelivery({ announcementId: crypto.randomUUID(), content: {}, terms: {} }, { app: over.app });
    expect(await changeAnnouncement(over.deps)(nothing)).to.have.nested.property("reply.outcome", "not-found");
  });

  it("says another thing to each, where that goes with what stays; else it is refused by name, and nothing changes", async () => {
    const notification = { text: "Hi {{ metadata.tier }}" };
    const personal = { isPersonal: true, defaults: { "metadata.tier": "basic" }, notification };
    const variants = [{ locale: "de", parts: PARTS, notification }];
    for (const state of ["scheduled", "distributed"] as const) {
      const one = await set({ state, startsAt: Date.now() + HOUR_MS });
      const ask = (content: PayloadOf<typeof ChangeAnnouncement>["content"]) =>
        changeAnnouncement(one.deps)(one.asking({ content }));
      expect(await ask({ ...personal, variants })).to.have.nested.property("reply.outcome", "done");
      expect(await one.header()).to.deep.include({ ...personal, variants });
      const told = await getAnnouncementContent(one.deps)(one.naming());
      expect(told).to.have.deep.nested.property("reply.content.variants", variants);

      const refused: readonly (readonly [PayloadOf<typeof ChangeAnnouncement>["content"], string])[] = [
        [{ parts: [{ mimeType: "text/plain", body: "Hi {{ first_name }}", encoding: null }] }, "parts[0].body"],
        [{ defaults: {} }, "notification.text"],
        [{ notification: null }, "variants[0].notification"],
        [{ isPersonal: false }, "defaults"],
      ];
      const before = await one.header();
      for (const [content, property] of refused) {
        const outcome = await ask(content);
        expect(outcome).to.deep.nested.include({ kind: "refuse", "error.code": "invalid_property" });
        expect(outcome).to.deep.nested.include({ "error.details": { property } });
        expect(outcome).to.have.nested.property("error.message").that.includes(property);
      }
      expect(await one.header()).to.deep.equal(before);
      expect(await ask({ isPersonal: false, defaults: {}, variants: [] })).to.have.nested.property(
        "reply.outcome",
        "done",
      );
    }
  });

  it("lets a silent one show nothing, whichever of both is changed", async () => {
    const shown = { notification: { text: "hello" } };
    for (const [before, asked] of [
      [{ isSilent: true }, { content: shown }],
      [shown, { terms: { isSilent: true } }],
    ] as const) {
      const one = await set({ state: "scheduled", startsAt: Date.now() + HOUR_MS, ...before });
      const outcome = await changeAnnouncement(one.deps)(one.asking(asked));
      expect(outcome).to.deep.nested.include({ kind: "refuse", "error.details": { property: "notification" } });
      expect(await one.header()).to.deep.include({ version: 1 });
    }
  });

  it("shows the inbox its variants without what others' pushes say", async () => {
    const variants = [{ locale: "de", parts: PARTS, notification: { text: "x", recipients: { b: { text: "to b" } } } }];
    const one = await set({ notification: { text: "x" }, variants });
    await one.work();
    const [entry] = await one.inbox();
    expect(entry?.variants).to.deep.equal([{ locale: "de", parts: PARTS, notification: null }]);
  });

  it("is in no inbox once it is recalled, writes nothing more, and keeps its counts", async () => {
    const one = await set();
    await one.work();
    expect(await one.inbox()).to.have.length(1);
    const asked = one.naming();
    one.failNext(new Error("killed"));
    await recallAnnouncement(one.deps)(asked).catch(() => undefined);
    expect(await one.inbox()).to.deep.equal([]);
    expect(await recallAnnouncement(one.deps)(asked)).to.have.nested.property("reply.outcome", "done");
    expect(await recallAnnouncement(one.deps)(one.naming())).to.have.nested.property("reply.outcome", "done");
    expect(one.eventsOf(AnnouncementRecalled.type)).to.have.length(1);
    expect((await one.progress(one.announcementId)).sent).to.equal(2);

    const early = await set();
    await recallAnnouncement(early.deps)(early.naming());
    await early.work();
    expect(await early.batches()).to.deep.equal([]);
  });

  it("is canceled where it is recalled before its start", async () => {
    const one = await set({ state: "scheduled", startsAt: Date.now() + HOUR_MS });
    const asked = one.naming();
    await recallAnnouncement(one.deps)(asked);
    await recallAnnouncement(one.deps)(asked);
    expect(await one.header()).to.deep.include({ state: "canceled" });
    expect(one.eventsOf(AnnouncementCanceled.type).length).to.be.above(0);
    expect(one.eventsOf(AnnouncementRecalled.type)).to.deep.equal([]);
  });
});
