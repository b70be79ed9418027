import { MessageUpdated } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { expect } from "chai";
import { messageKey } from "../domain/message.ts";
import { isSummary } from "../domain/responses.ts";
import { aDraft, aPart, blocking, sentOf } from "../../test/messages.ts";
import { aConversation, aDelivery, openStores, recordingPublisher } from "../../test/support.ts";
import { sendMessages } from "./send-message.ts";

const chosen = (id: string, value: string) => ({ selection: { adds: [{ value, ids: [id] }], removes: [] } });

const identity = (user: number) => `layer:///identities/${aUserId(user)}`;

describe("a message that answers a question", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("answer-question");
  });
  after(() => stores[Symbol.asyncDispose]());

  const NODE = "2f8a1c1e-0b7d-4e0e-9b7f-3f6a5f1d2c11";
  const answerTo = (messageId: string, id: string, value: string) =>
    aPart(
      JSON.stringify({
        response_to: `layer:///messages/${messageId}`,
        response_to_node_id: NODE,
        changes: [{ operation: "add", type: "LWW", name: "selection", id, value }],
      }),
      { mimeType: "application/vnd.layer.response-v2+json;role=root" },
    );

  async function setUp(bySender: Readonly<Record<string, readonly string[]>> = {}) {
    const app = anAppId();
    const { conversationId } = await aConversation(stores, app, userIds(3));
    const { events, publisher } = recordingPublisher();
    const handle = sendMessages({ ...stores, ...blocking(bySender), publisher });
    const command = (user: number, part: ReturnType<typeof aPart>, where = conversationId) =>
      aDelivery(aDraft(where, { sender: { userId: aUserId(user) }, parts: [part] }), { app });
    const [outcome] = await handle([command(1, aPart("Tea or coffee?"))]);
    const question = sentOf(outcome);
    const summary = async (): Promise<unknown> => {
      const row = await stores.messages.find(messageKey(app, question.messageId));
      return JSON.parse(row?.parts.find(isSummary)?.body ?? "null");
    };
    const updates = () => events.filter(({ type }) => type === MessageUpdated.type);
    return { app, handle, command, question, summary, updates };
  }

  it("is counted at the question in its sender's name, also with others in one group, and all are told", async () => {
    const { handle, command, question, summary, updates } = await setUp();
    const answers = [
      command(2, answerTo(question.messageId, "b", "tea")),
      command(3, answerTo(question.messageId, "c", "coffee")),
    ];
    for (const outcome of await handle(answers)) sentOf(outcome);
    expect(await summary()).to.deep.equal({ [identity(2)]: chosen("b", "tea"), [identity(3)]: chosen("c", "coffee") });
    expect(updates().map(({ subjectVersion }) => subjectVersion)).to.deep.equal([2, 3]);
    const [first] = updates();
    expect(MessageUpdated.payload.parse(first?.payload)).to.deep.include({
      messageId: question.messageId,
      removed: [],
    });
  });

  it("counts once when its command comes again, and is told again", async () => {
    const { handle, command, question, summary, updates } = await setUp();
    const answer = command(2, answerTo(question.messageId, "b", "tea"));
    await handle([answer]);
    await handle([command(2, answerTo(question.messageId, "b2", "coffee"))]);
    await handle([{ ...answer, isRedelivered: true }]);
    expect(await summary()).to.deep.equal({
      [identity(2)]: { selection: { adds: [{ value: "coffee", ids: ["b2"] }], removes: ["b"] } },
    });
    const ids = updates().map(({ id }) => id);
    expect(ids).to.have.lengthOf(3);
    expect(ids[2]).to.equal(ids[0]);
  });

  it("is a message and no more where the question is elsewhere, gone, or hidden from who answers", async () => {
    const { app, handle, command, question, summary, updates } = await setUp({ [aUserId(1)]: [aUserId(3)] });
    const other = await aConversation(stores, app, userIds(2));
    sentOf((await handle([command(2, answerTo(question.messageId, "x", "tea"), other.conversationId)]))[0]);
    sentOf((await handle([command(3, answerTo(question.messageId, "y", "tea"))]))[0]);
    sentOf((await handle([command(2, answerTo(aDraft("").messageId, "z", "tea"))]))[0]);
    expect(await summary()).to.equal(null);
    await stores.messages.delete(messageKey(app, question.messageId), { by: "x", at: 1 });
    sentOf((await handle([command(2, answerTo(question.messageId, "w", "tea"))]))[0]);
    expect(updates()).to.deep.equal([]);
  });
});
