import { randomUUID } from "node:crypto";
import {
  type FoundAnnouncementPlace,
  partitionOf,
  type PayloadOf,
  type ReplyOf,
  searchQuestionOf,
  type SearchInbox,
} from "@strata/contracts";
import { aDelivery } from "@strata/messaging/testing";
import { expect } from "chai";
import * as fc from "fast-check";
import { z } from "zod";
import { openStage, PARTITION, type Stage } from "../../test/stage.ts";
import { announcementKey, batchesOfEveryone, batchesOfFew } from "../domain/batch.ts";
import { type Header, headerOf } from "../domain/header.ts";
import { changeAnnouncement } from "./change-announcement.ts";
import { recallAnnouncement } from "./change-state.ts";
import { findInboxKey, searchInbox } from "./search-inbox.ts";

type App = ReturnType<Stage["anApp"]>;
type Asked = PayloadOf<typeof SearchInbox>;
type Answer = ReplyOf<typeof SearchInbox>;

/** Somebody of the partition that announcements are staged in. */
const ann = Array.from({ length: 1_000 }, (_, n) => `u${n}`).find((userId) => partitionOf(userId) === PARTITION) ?? "";
const text = (body: string) => [{ mimeType: "text/plain", body, encoding: null }];

const Profiled = z.array(
  z.object({ ns: z.string(), planSummary: z.string().optional(), docsExamined: z.number().default(0) }),
);

const search = async ({ app, deps }: App, userId: string, q: string, rest: Partial<Asked> = {}): Promise<Answer> => {
  const question = searchQuestionOf(q);
  if (!question) throw new Error("no word");
  const payload = { userId, ...question, words: [...question.words], after: null, limit: 100, knownSince: null };
  const answer = await searchInbox(deps)(aDelivery({ ...payload, ...rest }, { app }));
  if (answer.kind !== "reply") throw new Error("no reply");
  return answer.reply;
};

const found = async (...asked: Parameters<typeof search>) =>
  (await search(...asked)).hits.map(({ parts }) => parts[0]?.body);

async function pages(app: App, q: string, limit: number): Promise<Answer[]> {
  const all: Answer[] = [];
  for (let after: FoundAnnouncementPlace | null = null; ;) {
    const page: Answer = await search(app, ann, q, { after, limit });
    all.push(page);
    if (page.next === null) return all;
    after = page.next;
  }
}

/** Announcements that are in inboxes already. */
async function announced(
  { app, deps }: App,
  said: readonly { readonly body: string; readonly at: number; readonly to?: readonly string[] | "everyone" }[],
  fields: Partial<z.input<typeof Header>> = {},
): Promise<string[]> {
  const rows = said.map(({ body, at, to = [ann] }) => {
    const announcementId = randomUUID();
    const header = headerOf({
      _id: announcementKey(app, announcementId),
      app,
      state: "distributed",
      at,
      sender: { name: "Ops" },
      parts: text(body),
      notification: { text: "unseen" },
      recipientCount: 1,
      recipients: to === "everyone" ? null : [...to],
      unknown: [],
      digest: "d".repeat(64),
      by: "x",
      startedBy: "x",
      chunks: null,
      ...fields,
    });
    const batches =
      to === "everyone" ? batchesOfEveryone(app, announcementId, at, 1_000) : batchesOfFew(app, announcementId, at, to);
    return { announcementId, header, batches };
  });
  await deps.announcements.insertNew(rows.map(({ header }) => header));
  await deps.batches.insertNew(rows.flatMap(({ batches }) => batches));
  return rows.map(({ announcementId }) => announcementId);
}

const FOLDED: Readonly<Record<string, string>> = { größe: "grosse" };
const fold = (word: string): string => FOLDED[word] ?? word;

describe("searching an inbox", function () {
  this.timeout(60_000);
  let stage: Stage;
  before(async () => {
    stage = await openStage("search-inbox");
  });
  after(() => stage[Symbol.asyncDispose]());

  it("finds what is in her inbox alone, with what is for everyone of her time, newest first", async () => {
    const app = stage.anApp();
    await announced(app, [
      { body: "Preise für Müller", at: 1 },
      { body: "Preise for others", at: 2, to: ["somebody else"] },
      { body: "Preise für alle", at: 3, to: "everyone" },
    ]);
    expect(await found(app, ann, "PREISE FUR", { knownSince: 1_000 })).to.deep.equal([
      "Preise für alle",
      "Preise für Müller",
    ]);
    expect(await found(app, ann, "preise", { knownSince: 1_001 })).to.deep.equal(["Preise für Müller"]);
    expect(await found(app, ann, "fur preise mull", { knownSince: 1 })).to.deep.equal(["Preise für Müller"]);
    expect(await found(app, "somebody else", "unseen")).to.deep.equal([]);
    expect(await found(stage.anApp(), ann, "preise")).to.deep.equal([]);
    const { hits } = await search(app, ann, "mul");
    expect(hits[0]).to.deep.include({ recipients: null, notification: null, at: 1 });
  });

  it("finds its variants too", async () => {
    const app = stage.anApp();
    const variants = [{ locale: "de", parts: text("Guten Tag {{ name }}"), notification: null }];
    await announced(app, [{ body: "Good day", at: 1 }], { variants });
    expect(await found(app, ann, "guten")).to.deep.equal(["Good day"]);
  });

  it("follows a correction, a recall and the end of its time", async () => {
    const app = stage.anApp();
    const [first = "", second = ""] = await announced(app, [
      { body: "before", at: 1 },
      { body: "before long", at: 2 },
    ]);
    await announced(app, [{ body: "before its end", at: 3 }], { hidesFrom: Date.now() - 1, expiresAt: 1 });
    expect(await found(app, ann, "before")).to.deep.equal(["before long", "before"]);
    const change = { announcementId: first, content: { parts: text("afterwards") }, terms: {} };
    await changeAnnouncement(app.deps)(aDelivery(change, { app: app.app }));
    expect(await found(app, ann, "before")).to.deep.equal(["before long"]);
    expect(await found(app, ann, "after")).to.deep.equal(["afterwards"]);
    await recallAnnouncement(app.deps)(aDelivery({ announcementId: second }, { app: app.app }));
    expect(await found(app, ann, "before")).to.deep.equal([]);
  });

  it("knows where in her inbox an announcement is, if it is", async () => {
    const app = stage.anApp();
    const [mine = "", others = ""] = await announced(app, [
      { body: "x", at: 7 },
      { body: "x", at: 8, to: ["somebody else"] },
    ]);
    const keyOf = async (announcementId: string) => {
      const asked = aDelivery({ userId: ann, announcementId, knownSince: null }, { app: app.app });
      const answer = await findInboxKey(app.deps)(asked);
      return answer.kind === "reply" ? answer.reply.key : undefined;
    };
    expect(await keyOf(mine)).to.deep.equal({ announcementId: mine, at: 7 });
    expect(await keyOf(others)).to.equal(null);
    expect(await keyOf(randomUUID())).to.equal(null);
  });

  it("finds in pages exactly what a plain reader finds, in her order, also among many of one moment", async () => {
    const VOCABULARY = ["order", "orders", "or", "größe", "مرحبا", "東京", "12345"];
    const said = fc.array(
      fc.record({ words: fc.array(fc.constantFrom(...VOCABULARY), { minLength: 1, maxLength: 3 }), at: fc.nat(2) }),
      { maxLength: 20 },
    );
    const asked = fc.record({
      words: fc.array(fc.constantFrom(...VOCABULARY), { maxLength: 1 }),
      last: fc.constantFrom(...VOCABULARY),
      cut: fc.integer({ min: 1, max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(said, asked, fc.integer({ min: 1, max: 4 }), async (rows, { words, last, cut }, limit) => {
        const app = stage.anApp();
        const ids = await announced(
          app,
          rows.map(({ words: spoken, at }) => ({ body: spoken.join(" "), at: at + 1 })),
        );
        const prefix = Array.from(fold(last)).slice(0, cut).join("");
        const expected = rows
          .map((row, index) => ({ ...row, id: ids[index] ?? "" }))
          .filter(
            ({ words: spoken }) =>
              words.every((word) => spoken.includes(word)) && spoken.some((word) => fold(word).startsWith(prefix)),
          )
          .toSorted((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1));
        const answers = await pages(app, [...words, prefix].join(" "), limit);
        expect(answers.flatMap(({ hits }) => hits).map(({ announcementId }) => announcementId)).to.deep.equal(
          expected.map(({ id }) => id),
        );
      }),
      { numRuns: 40 },
    );
  });

  it("answers after 2,000 of 10,000 entries and goes on behind them, by index alone", async () => {
    const app = stage.anApp();
    const said = Array.from({ length: 10_000 }, (_, n) => ({ body: n === 0 ? "needle" : `straw ${n}`, at: n + 1 }));
    for (let from = 0; from < said.length; from += 1_000) await announced(app, said.slice(from, from + 1_000));
    const { db } = stage.mongo;
    await db.command({ profile: 2 });
    const first = await search(app, ann, "needle");
    await db.command({ profile: 0 });
    const seen = Profiled.parse(
      await db
        .collection("system.profile")
        .find({ ns: { $regex: "\\.(announcements|batches)$" } })
        .toArray(),
    );
    expect(first.hits).to.deep.equal([]);
    expect(first.next?.at).to.equal(10_000 - 2_000 + 1);
    for (const { ns, planSummary } of seen) {
      if (planSummary !== undefined) expect(planSummary, ns).to.match(/^(IXSCAN|IDHACK)/);
    }
    expect(seen.length).to.be.at.most(10);
    expect(seen.reduce((sum, { docsExamined }) => sum + docsExamined, 0)).to.be.at.most(4_010);
    const answers = await pages(app, "needle", 10);
    expect(answers).to.have.lengthOf.at.most(6);
    expect(answers.flatMap(({ hits }) => hits).map(({ at }) => at)).to.deep.equal([1]);
  });
});
