import type { FoundMessagePlace, PayloadOf, ReplyOf, SearchMessages } from "@strata/contracts";
import { searchQuestionOf } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import * as fc from "fast-check";
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { newMessage } from "../domain/message.ts";
import { aDraft, aPart, repliedBy, sender } from "../../test/messages.ts";
import { aConversation, aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { changeParts } from "./change-parts.ts";
import { deleteMessage, hideMessage } from "./delete-message.ts";
import { clearConversation } from "./clear-conversation.ts";
import { listMessages } from "./list-messages.ts";
import { searchMessages } from "./search-messages.ts";

type Asked = PayloadOf<typeof SearchMessages>;
type Answer = ReplyOf<typeof SearchMessages>;
const [ann, bob] = [aUserId(1), aUserId(2)];

const Profiled = z.array(
  z.object({
    ns: z.string(),
    planSummary: z.string().optional(),
    docsExamined: z.number().default(0),
    keysExamined: z.number().default(0),
    command: z.record(z.string(), z.unknown()),
  }),
);

const textsOf = ({ hits }: Answer) => hits.map(({ parts }) => parts[0]?.body);

describe("searching messages", function () {
  this.timeout(60_000);
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("search-messages");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** The database's own record of how it did what was asked meanwhile. */
  const profiled = async (work: () => Promise<unknown>) => {
    await stores.db.command({ profile: 2 });
    try {
      await work();
    } finally {
      await stores.db.command({ profile: 0 });
    }
    const rows = await stores.db
      .collection("system.profile")
      .find({ ns: { $regex: "\\.(conversations|memberships|messages)$" } })
      .toArray();
    await stores.db.collection("system.profile").drop();
    return Profiled.parse(rows);
  };
  const explained = ({ command: { aggregate, pipeline, hint } }: z.infer<typeof Profiled>[number]) =>
    stores.db.command({ explain: { aggregate, pipeline, hint, cursor: {} }, verbosity: "queryPlanner" });

  const search = async (app: string, userId: string, q: string, rest: Partial<Asked> = {}): Promise<Answer> => {
    const question = searchQuestionOf(q);
    if (!question) throw new Error("no word");
    const payload = { userId, ...question, after: null, limit: 100, ...rest };
    return repliedBy(await searchMessages(stores)(aDelivery({ ...payload, words: [...question.words] }, { app })));
  };
  const found = async (...asked: Parameters<typeof search>) => textsOf(await search(...asked));

  /** Every page, from the first to the last. */
  async function pages(app: string, userId: string, q: string, limit: number): Promise<Answer[]> {
    const all: Answer[] = [];
    for (let after: FoundMessagePlace | null = null; ;) {
      const page: Answer = await search(app, userId, q, { after, limit });
      all.push(page);
      if (page.next === null) return all;
      after = page.next;
    }
  }

  async function setUp(texts: readonly string[] = [], people = userIds(3)) {
    const app = anAppId();
    const conversation = await aConversation(stores, app, people);
    const { conversationId } = conversation;
    const say = async (text: string, bySender: Record<string, string[]> = {}) =>
      (await sender(stores, bySender)(app, aDraft(conversationId, { parts: [aPart(text)] }))).messageId;
    const ids: string[] = [];
    for (const text of texts) ids.push(await say(text));
    return { app, conversation, conversationId, say, ids };
  }

  it("finds what has all words, the last as a beginning, in whatever case and with whatever marks", async () => {
    const { app } = await setUp([
      "Your order is on its way",
      "Ihre Bestellung für Müller",
      "東京都に行きます",
      "مَرْحَبًا بك",
    ]);
    expect(await found(app, ann, "ORDER your")).to.deep.equal(["Your order is on its way"]);
    expect(await found(app, ann, "way ord")).to.deep.equal(["Your order is on its way"]);
    expect(await found(app, ann, "ord way")).to.deep.equal([]);
    expect(await found(app, ann, "muller fu")).to.deep.equal(["Ihre Bestellung für Müller"]);
    expect(await found(app, ann, "東")).to.deep.equal(["東京都に行きます"]);
    expect(await found(app, ann, "مرح")).to.deep.equal(["مَرْحَبًا بك"]);
    expect(await found(app, ann, "b")).to.deep.equal(["Ihre Bestellung für Müller"]);
    expect(await found(app, ann, "missing")).to.deep.equal([]);
  });

  it("shows a message as her list does", async () => {
    const { app, conversationId } = await setUp(["seen alike"]);
    const listed = await listMessages(stores)(
      aDelivery({ conversationId, viewer: bob, after: null, limit: 10 }, { app }),
    );
    expect((await search(app, bob, "alike")).hits).to.deep.equal(repliedBy(listed).messages);
  });

  it("finds nothing of others' conversations, of other apps, nor what a blocked sender said", async () => {
    const { app, say } = await setUp(["ours alone"], [ann, bob]);
    await say("ours unseen", { [ann]: [bob] });
    expect(await found(app, bob, "ours")).to.deep.equal(["ours alone"]);
    expect(await found(app, ann, "ours")).to.deep.equal(["ours unseen", "ours alone"]);
    expect(await found(app, aUserId(9), "ours")).to.deep.equal([]);
    expect(await found(anAppId(), ann, "ours")).to.deep.equal([]);
  });

  it("follows deletion: for everybody, for herself, of the conversation, and clearing", async () => {
    const { app, conversation, conversationId, ids, say } = await setUp(["gone all", "gone mine", "gone old"]);
    const deps = { ...stores, publisher: recordingPublisher().publisher };
    const [all = "", mine = ""] = ids;
    await deleteMessage(deps)(aDelivery({ conversationId, messageId: all, actor: null }, { app }));
    await hideMessage(deps)(aDelivery({ conversationId, messageId: mine, userId: bob }, { app }));
    expect(await found(app, bob, "gone")).to.deep.equal(["gone old"]);
    expect(await found(app, ann, "gone")).to.deep.equal(["gone old", "gone mine"]);
    const clearing = aDelivery({ conversationId, userId: ann, leave: false }, { app });
    await clearConversation(deps)(clearing);
    expect(await found(app, ann, "gone")).to.deep.equal([]);
    await say("gone new");
    expect(await found(app, ann, "gone")).to.deep.equal(["gone new"]);
    expect(await found(app, bob, "gone")).to.deep.equal(["gone new", "gone old"]);
    // Deleted a moment ago, memberships still to be marked.
    await stores.conversations.delete(conversation, { by: "x", at: 1 });
    expect(await found(app, bob, "gone")).to.deep.equal([]);
  });

  it("shows who left what was said until then, also before her own row says that she has left", async () => {
    const { app, conversation, conversationId } = await setUp(["stay one", "stay two"]);
    const change = {
      by: "c",
      at: 1,
      position: 2,
      added: [],
      removed: [bob],
      isMetadataChanged: false,
      isFollowed: false,
    };
    const current = (await stores.conversations.find(app, conversationId)) ?? conversation;
    const after = { ...current, participants: [ann], version: 2, lastChange: change };
    await stores.conversations.change(current, after);
    const row = newMessage(
      { app, id: randomUUID(), payload: aDraft(conversationId, { parts: [aPart("stay three")] }) },
      { position: 3, sentAt: Date.now(), participants: [ann], blockers: [] },
    );
    await stores.messages.insert([row]);
    await stores.memberships.raise([{ app, conversationId, userIds: [ann, bob], position: 3, at: row.sentAt }]);
    expect(await found(app, bob, "stay")).to.deep.equal(["stay two", "stay one"]);
    await stores.memberships.dismiss(app, conversationId, [bob], 2);
    expect(await found(app, bob, "stay")).to.deep.equal(["stay two", "stay one"]);
    expect(await found(app, ann, "stay")).to.have.lengthOf(3);
  });

  it("follows changed parts", async () => {
    const { app, conversationId, ids } = await setUp(["before it was changed"]);
    const change = { kind: "replace-all" as const, parts: [aPart("afterwards")] };
    const payload = { conversationId, messageId: ids[0] ?? "", change, maxParts: 10, at: 5 };
    await changeParts({ ...stores, publisher: recordingPublisher().publisher })(aDelivery(payload, { app }));
    expect(await found(app, ann, "before")).to.deep.equal([]);
    expect(await found(app, ann, "afterwards")).to.deep.equal(["afterwards"]);
  });

  /** Written form and folded form, and a beginning that a plain reader would agree to. */
  const VOCABULARY = [
    ["Grüße", "grusse"],
    ["STRASSE", "strasse"],
    ["Straße", "strasse"],
    ["Über", "uber"],
    ["مَرْحَبًا", "مرحبا"],
    ["أهلا", "اهلا"],
    ["東京", "東京"],
    ["大阪", "大阪"],
    ["order", "order"],
    ["orders", "orders"],
    ["ord", "ord"],
    ["or", "or"],
    ["12345", "12345"],
    ["Ёлка", "елка"],
  ] as const;

  it("finds in pages exactly what a plain reader finds, in her order, whatever is said, asked, and at the same moment", async () => {
    const word = fc.constantFrom(...VOCABULARY);
    const messages = fc.array(
      fc.record({
        words: fc.array(word, { minLength: 1, maxLength: 4 }),
        conversation: fc.nat(2),
        // Few moments, so that many messages share one.
        at: fc.nat(3),
        isHidden: fc.boolean(),
      }),
      { maxLength: 25 },
    );
    const question = fc.record({
      words: fc.array(word, { maxLength: 2 }),
      last: word,
      cut: fc.integer({ min: 1, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(messages, question, fc.integer({ min: 1, max: 4 }), async (sent, asked, limit) => {
        const app = anAppId();
        const conversations = await Promise.all(
          Array.from({ length: 3 }, () => aConversation(stores, app, [ann, bob])),
        );
        const ends = [0, 0, 0];
        const rows = sent
          .toSorted((a, b) => a.at - b.at)
          .map(({ words, conversation: n, at, isHidden }) => {
            const position = (ends[n] ?? 0) + 1;
            ends[n] = position;
            const { conversationId = "" } = conversations[n] ?? {};
            const payload = aDraft(conversationId, { parts: [aPart(words.map(([written]) => written).join(" "))] });
            const place = { position, sentAt: 1_000 + at, participants: [ann, bob], blockers: isHidden ? [bob] : [] };
            return {
              words: words.map(([, folded]) => folded),
              row: newMessage({ app, id: randomUUID(), payload }, place),
            };
          });
        await stores.messages.insert(rows.map(({ row }) => row));
        await stores.memberships.raise(
          rows.map(({ row }) => ({
            app,
            conversationId: row.conversation,
            userIds: [ann, bob],
            position: row.position,
            at: row.sentAt,
          })),
        );
        const prefix = Array.from(asked.last[1]).slice(0, asked.cut).join("");
        const q = [...asked.words.map(([written]) => written), prefix].join(" ");
        const expected = rows
          .filter(
            ({ words, row }) =>
              !row.hiddenFor.includes(bob) &&
              asked.words.every(([, folded]) => (words as string[]).includes(folded)) &&
              words.some((one) => one.startsWith(prefix)),
          )
          .map(({ row }) => row)
          .toSorted((a, b) => b.sentAt - a.sentAt || b.position - a.position || (a.messageId < b.messageId ? -1 : 1));
        const answers = await pages(app, bob, q, limit);
        expect(answers.flatMap(({ hits }) => hits).map(({ messageId }) => messageId)).to.deep.equal(
          expected.map(({ messageId }) => messageId),
        );
      }),
      { numRuns: 60 },
    );
  });

  describe("of a thousand conversations", () => {
    const app = anAppId();
    const COUNT = 1_050;
    before(async () => {
      const rows = [];
      for (let n = 0; n < COUNT; n += 1) {
        const { conversationId } = await aConversation(stores, app, [ann]);
        const texts = n === 0 ? ["needle in the oldest"] : ["common word", "common thing", `number n${n}`];
        rows.push(
          ...texts.map((text, index) =>
            newMessage(
              { app, id: randomUUID(), payload: aDraft(conversationId, { parts: [aPart(text)] }) },
              { position: index + 1, sentAt: 10_000 + n * 10 + index, participants: [ann], blockers: [] },
            ),
          ),
        );
      }
      for (let from = 0; from < rows.length; from += 500) {
        const some = rows.slice(from, from + 500);
        await stores.messages.insert(some);
        await stores.memberships.raise(
          some.map((row) => ({
            app,
            conversationId: row.conversation,
            userIds: [ann],
            position: row.position,
            at: row.sentAt,
          })),
        );
      }
    });

    it("finds the one message in the oldest of them, by index, reading little else", async () => {
      const seen = await profiled(async () => {
        expect(await found(app, ann, "needle")).to.deep.equal(["needle in the oldest"]);
      });
      for (const { ns, planSummary } of seen) {
        if (planSummary !== undefined) expect(planSummary, ns).to.match(/^(IXSCAN|IDHACK)/);
      }
      const onMessages = seen.filter(({ ns }) => ns.endsWith(".messages"));
      expect(onMessages.reduce((sum, { docsExamined }) => sum + docsExamined, 0)).to.be.at.most(4);
      expect(onMessages.reduce((sum, { keysExamined }) => sum + keysExamined, 0)).to.be.at.most(COUNT * 3);
    });

    it("takes what is common from the index in the order of time, and looks no further than its page", async () => {
      for (const q of ["common", "com", "common wor", "c"]) {
        const seen = await profiled(async () => {
          const { hits, next } = await search(app, ann, q, { limit: 10 });
          expect(hits).to.have.lengthOf(10);
          expect(next).to.not.equal(null);
        });
        const onMessages = seen.filter(({ ns }) => ns.endsWith(".messages"));
        const stages = JSON.stringify(
          await Promise.all(onMessages.filter(({ command }) => "aggregate" in command).map(explained)),
        );
        // Merged scans, sorted by nothing but the index.
        expect(stages, q).to.include("SORT_MERGE").and.not.include('"stage":"SORT"');
        expect(stages).to.not.include("COLLSCAN");
        expect(
          onMessages.reduce((sum, { docsExamined }) => sum + docsExamined, 0),
          q,
        ).to.be.at.most(450);
        expect(seen.length, q).to.be.at.most(6);
      }
    });

    it("comes to the end of all of them", async () => {
      const expected = Array.from({ length: COUNT }, (_, n) => n)
        .filter((n) => n > 0 && String(n).startsWith("3"))
        .toSorted((a, b) => b - a)
        .map((n) => `number n${n}`);
      const answers = await pages(app, ann, "number n3", 50);
      expect(answers.flatMap(textsOf)).to.deep.equal(expected);
    });

    it("answers after a bounded look where little of what is common is looked for, and goes on behind it", async () => {
      const other = anAppId();
      const conversation = await aConversation(stores, other, [ann]);
      const rows = Array.from({ length: 650 }, (_, index) =>
        newMessage(
          {
            app: other,
            id: randomUUID(),
            payload: aDraft(conversation.conversationId, { parts: [aPart(index === 0 ? "common x" : "common y")] }),
          },
          { position: index + 1, sentAt: 5_000, participants: [ann], blockers: [] },
        ),
      );
      await stores.messages.insert(rows);
      await stores.memberships.raise([{ ...conversation, userIds: [ann], position: 650, at: 5_000 }]);
      const seen = await profiled(async () => {
        const { hits, next } = await search(other, ann, "common x", { limit: 5 });
        expect({ hits, at: next?.at }).to.deep.equal({ hits: [], at: 5_000 });
      });
      expect(seen.reduce((sum, { docsExamined }) => sum + docsExamined, 0)).to.be.at.most(210);
      const answers = await pages(other, ann, "common x", 5);
      expect(answers.length).to.be.within(4, 5);
      expect(answers.flatMap(textsOf)).to.deep.equal(["common x"]);
    });
  });
});
