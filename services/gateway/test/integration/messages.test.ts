import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { z } from "zod";
import { errorOf, type HttpClient, httpClient, type Reply } from "../http-client.ts";
import { openWorld, PATIENT, PUBLIC_URL, type World } from "../world.ts";

const PART = { mime_type: "text/plain", body: "Hello" };
const aBody = (changes: Readonly<Record<string, unknown>> = {}) => ({ sender_id: "bot", parts: [PART], ...changes });
const STEP = 2 ** 20;
const Id = z.object({ id: z.string() });
const idOf = ({ json }: Reply): string => Id.parse(json).id.replace(/^layer:\/\/\/\w+\//, "");
const refused = (reply: Reply): unknown[] => [reply.status, errorOf(reply).id];

describe("messages, as the backend", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway messages", env: PATIENT });
    app = world.directory.anApp();
    for (const [user, name] of [
      ["ann", "Ann"],
      ["bot", "Robot"],
    ] as const) {
      world.directory.aUser(app, user, name);
    }
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  });
  after(() => world[Symbol.asyncDispose]());

  const conversationPath = (id: string) => `/apps/${app}/conversations/${id}`;
  const path = (conversation: string, id = "") =>
    `${conversationPath(conversation)}/messages${id === "" ? "" : `/${id}`}`;
  const aConversation = async () =>
    idOf(await send("POST", `/apps/${app}/conversations`, { body: { participants: ["ann", "bob"] } }));
  const say = (conversation: string, changes: Readonly<Record<string, unknown>> = {}) =>
    send("POST", path(conversation), { body: aBody(changes) });
  const stored = (conversation: string) => world.conversation.messages.get(`${app}/${conversation}`) ?? [];

  describe("POST", () => {
    it("sends as any identity from 2.0, and answers 201 with the slim form", async () => {
      const c = await aConversation();
      const reply = await say(c, {
        sender_id: "layer:///identities/bot",
        notification: { text: "Hi", recipients: [{ recipient: "ann", text: "Hi, Ann" }] },
      });
      expect(reply.status).to.equal(201);
      expect(reply.json).to.deep.include({
        url: `${PUBLIC_URL}${path(c, idOf(reply))}`,
        conversation: { id: `layer:///conversations/${c}`, url: `${PUBLIC_URL}${conversationPath(c)}` },
        channel: null,
        recipient_status: { "layer:///identities/ann": "sent", "layer:///identities/bob": "sent" },
      });
      expect(reply.json).to.have.nested.property("sender.display_name", "Robot");
      expect(stored(c)[0]).to.deep.include({
        sender: { userId: "bot" },
        notification: { text: "Hi", recipients: { ann: { text: "Hi, Ann" } } },
      });
    });

    it("sends as a participant or a bare name in 1.x, each in its slim form and under its URL", async () => {
      const c = await aConversation();
      for (const version of ["1.0", "1.1"] as const) {
        const body = { sender: { user_id: "bob" }, parts: [PART] };
        const reply = await send("POST", path(c), { version, body });
        const short = `/apps/${app}/messages/${idOf(reply)}`;
        expect(reply.json).to.deep.include({
          url: `${PUBLIC_URL}${version === "1.0" ? short : path(c, idOf(reply))}`,
          sender: { user_id: "bob" },
          recipient_status: { ann: "sent", bob: "read" },
          parts: [PART],
        });
      }
      const named = await send("POST", path(c), { version: "1.0", body: { sender: { name: "Shop" }, parts: [PART] } });
      expect(named.json).to.deep.include({ sender: { name: "Shop" }, recipient_status: { ann: "sent", bob: "sent" } });
      const read = await send("GET", path(c, idOf(named)), { version: "1.0" });
      expect(read.json).to.deep.include({ sender: { user_id: null, name: "Shop" } });
    });

    it("refuses a sender in 1.x who is no participant, and one from 2.0 whom nobody knows", async () => {
      const c = await aConversation();
      const body = { sender: { user_id: "bot" }, parts: [PART] };
      const outsider = await send("POST", path(c), { version: "1.0", body });
      expect(errorOf(outsider)).to.deep.include({ id: "invalid_property", data: { property: "sender" } });
      for (const version of ["2.0", "3.0"] as const) {
        const stranger = await send("POST", path(c), { version, body: aBody({ sender_id: "stranger" }) });
        expect(errorOf(stranger)).to.deep.include({ id: "invalid_property", data: { property: "sender_id" } });
      }
      expect(stored(c)).to.deep.equal([]);
    });

    it("sends text, bytes and content, and shows content with fresh URLs", async () => {
      const c = await aConversation();
      const content = { id: `layer:///content/${randomUUID()}`, size: 7 };
      const reply = await say(c, {
        parts: [
          { mime_type: "text/plain", body: "aMOpbGxv", encoding: "base64" },
          { mime_type: "image/png", body: "/9j/4A==", encoding: "base64" },
          { mime_type: "video/mp4", content },
        ],
      });
      expect(reply.json).to.have.nested.include({
        "parts[0].body": "héllo",
        "parts[0].encoding": null,
        "parts[1].body": "/9j/4A==",
        "parts[1].encoding": "base64",
        "parts[2].body": null,
        "parts[2].content.id": content.id,
        "parts[2].content.size": 7,
        "parts[2].content.refresh_url": `${PUBLIC_URL}${conversationPath(c)}/content/${content.id.split("/").at(-1)}`,
      });
      expect(reply.json).to.have.nested.property("parts[2].content.download_url").that.includes("/content/");
    });

    it("refuses content that is unknown or was not uploaded", async () => {
      const content = { id: `layer:///content/${randomUUID()}`, size: 8 };
      const reply = await say(await aConversation(), { parts: [{ mime_type: "video/mp4", content }] });
      expect(errorOf(reply)).to.deep.include({ id: "invalid_property", data: { property: "parts.content" } });
    });

    it("sends under the UUID of If-None-Match or the body, and answers a repeat with 409 and the object", async () => {
      const c = await aConversation();
      const id = randomUUID();
      const headers = { "If-None-Match": id };
      const first = await send("POST", path(c), { headers, body: aBody() });
      expect([first.status, idOf(first)]).to.deep.equal([201, id]);
      const repeat = await send("POST", path(c), { headers, body: aBody() });
      const read = await send("GET", path(c, id));
      expect([repeat.status, errorOf(repeat).code]).to.deep.equal([409, 111]);
      expect(errorOf(repeat)).to.deep.include({ id: "id_in_use", data: read.json });
      const old = await send("POST", path(c), { version: "1.0", body: { id, sender: { name: "S" }, parts: [PART] } });
      expect(errorOf(old)).to.have.deep.nested.property("data.sender", { user_id: "bot", name: null });
      expect(stored(c)).to.have.lengthOf(1);
      const elsewhere = await send("POST", path(await aConversation()), { headers, body: aBody() });
      expect(errorOf(elsewhere)).to.deep.include({ id: "id_in_use", data: null });
    });

    it("answers the repeat of an Idempotency-Key like the first time, and 422 to another body", async () => {
      const c = await aConversation();
      const headers = { "Idempotency-Key": randomUUID() };
      const first = await send("POST", path(c), { headers, body: aBody() });
      const repeat = await send("POST", path(c), { headers, body: aBody() });
      expect([repeat.status, repeat.json]).to.deep.equal([201, first.json]);
      const other = await send("POST", path(c), { headers, body: aBody({ parts: [{ ...PART, body: "Bye" }] }) });
      expect(refused(other)).to.deep.equal([422, "invalid_operation"]);
      expect(stored(c)).to.have.lengthOf(1);
    });

    it("keeps the ids that a client gives to its parts in 3.0", async () => {
      const c = await aConversation();
      const [m, p] = [randomUUID(), randomUUID()];
      const parts = [{ ...PART, id: `layer:///messages/${m}/parts/${p}` }];
      const reply = await say(c, { id: m, parts });
      expect(reply.json).to.have.nested.property("parts[0].id", parts[0]?.id);
      const other = await say(c, { parts });
      expect(errorOf(other)).to.deep.include({ id: "invalid_property", data: { property: "parts.id" } });
    });

    it("tells what is missing before what is wrong, and both before a conversation that is not there", async () => {
      const gone = await aConversation();
      await send("DELETE", conversationPath(gone));
      const bodies: readonly [unknown, number, string, string | undefined][] = [
        [{}, 422, "missing_property", "sender_id"],
        [{ sender_id: "bot" }, 422, "missing_property", "parts"],
        [aBody({ parts: [] }), 422, "missing_property", "parts"],
        [aBody({ sender_id: 7, parts: [{}] }), 422, "missing_property", "parts.mime_type"],
        [aBody({ parts: [{ ...PART, body: "x".repeat(2_049) }] }), 422, "invalid_property", "parts.body"],
        [aBody({ schedule: { delay_in_seconds: 301 } }), 422, "invalid_property", "schedule.delay_in_seconds"],
        [aBody({ notification: 7 }), 422, "invalid_property", "notification"],
        ["text", 400, "invalid_request", undefined],
      ];
      for (const [body, status, id, property] of bodies) {
        const reply = await send("POST", path(gone), { body });
        expect(refused(reply)).to.deep.equal([status, id]);
        if (property !== undefined) expect(errorOf(reply).data).to.deep.equal({ property });
      }
      const old = await send("POST", path(gone), { version: "1.0", body: {} });
      expect(errorOf(old)).to.deep.include({ id: "missing_property", data: { property: "sender" } });
      expect(refused(await say(gone))).to.deep.equal([410, "object_deleted"]);
      expect(refused(await say(randomUUID()))).to.deep.equal([404, "not_found"]);
      expect(refused(await say("first"))).to.deep.equal([404, "not_found"]);
    });
  });

  describe("POST of messages for later", () => {
    it("answers 202 without a body to a schedule, in every version", async () => {
      const c = await aConversation();
      const schedule = { delay_in_seconds: 2.5, typing_indicator_in_seconds: 1 };
      for (const version of ["1.0", "3.0"] as const) {
        const body = version === "1.0" ? { sender: { name: "S" }, parts: [PART], schedule } : aBody({ schedule });
        const reply = await send("POST", path(c), { version, body });
        expect([reply.status, reply.text]).to.deep.equal([202, ""]);
        const [message] = world.conversation.scheduled.at(-1)?.messages ?? [];
        expect(message).to.include({ delayMs: 2_500, typingMs: 1_000, authority: "backend" });
      }
      expect(stored(c)).to.deep.equal([]);
    });

    it("takes a batch of up to 12 from 2.0, in its order", async () => {
      const c = await aConversation();
      for (const version of ["2.0", "3.0"] as const) {
        const body = [aBody(), aBody({ sender_id: "ann", schedule: { delay_in_seconds: 0.5 } })];
        expect(await send("POST", path(c), { version, body })).to.have.property("status", 202);
        const batch = world.conversation.scheduled.at(-1);
        expect(batch?.messages.map(({ delayMs }) => delayMs)).to.deep.equal([0, 500]);
        expect(batch?.messages.map(({ sender }) => sender)).to.deep.equal([{ userId: "bot" }, { userId: "ann" }]);
      }
    });

    it("refuses all of a batch for one bad message, one too long, one from a stranger, and any in 1.x", async () => {
      const c = await aConversation();
      const before = world.conversation.scheduled.length;
      const post = async (body: unknown, version: "1.0" | "3.0" = "3.0") =>
        refused(await send("POST", path(c), { version, body }));
      expect(await post([aBody(), { sender_id: "bot" }])).to.deep.equal([422, "missing_property"]);
      expect(await post(Array.from({ length: 13 }, () => aBody()))).to.deep.equal([422, "invalid_property"]);
      expect(await post([])).to.deep.equal([422, "invalid_property"]);
      expect(await post([aBody(), aBody({ sender_id: "stranger" })])).to.deep.equal([422, "invalid_property"]);
      expect(await post([{ sender: { name: "S" }, parts: [PART] }], "1.0")).to.deep.equal([400, "invalid_request"]);
      expect(world.conversation.scheduled).to.have.lengthOf(before);
    });

    it("are there once when the request is repeated under its If-None-Match, which is answered with 409", async () => {
      const c = await aConversation();
      const headers = { "If-None-Match": randomUUID() };
      const before = world.conversation.scheduled.length;
      expect(await send("POST", path(c), { headers, body: [aBody(), aBody()] })).to.have.property("status", 202);
      expect(refused(await send("POST", path(c), { headers, body: [aBody(), aBody()] }))).to.deep.equal([
        409,
        "id_in_use",
      ]);
      expect(world.conversation.scheduled.slice(before)).to.have.lengthOf(1);
      expect(world.conversation.scheduled.at(-1)?.messages[0]?.messageId).to.equal(headers["If-None-Match"]);
    });

    it("answers the repeat of an Idempotency-Key like the first time, and 422 to another body", async () => {
      const c = await aConversation();
      const headers = { "Idempotency-Key": randomUUID() };
      const before = world.conversation.scheduled.length;
      const batch = [aBody(), aBody()];
      for (const _ of [1, 2]) {
        expect(await send("POST", path(c), { headers, body: batch })).to.have.property("status", 202);
      }
      const other = [aBody({ parts: [{ ...PART, body: "Bye" }] }), aBody()];
      expect(refused(await send("POST", path(c), { headers, body: other }))).to.deep.equal([422, "invalid_operation"]);
      expect(world.conversation.scheduled.slice(before)).to.have.lengthOf(1);
    });
  });

  describe("GET", () => {
    it("lists them newest first, in the shape of each version, with positions that grow", async () => {
      const c = await aConversation();
      const ids: string[] = [];
      for (let n = 0; n < 3; n += 1) ids.unshift(idOf(await say(c)));
      const all = await send("GET", path(c));
      expect(
        z
          .array(Id)
          .parse(all.json)
          .map(({ id }) => id.split("/").at(-1)),
      ).to.deep.equal(ids);
      expect(all.headers.get("layer-count")).to.equal("3");
      expect({ rows: all.json }).to.have.nested.include({
        "rows[0].position": 3 * STEP,
        "rows[1].position": 2 * STEP,
        "rows[0].receipts_url": null,
        "rows[0].is_unread": null,
        "rows[0].notification": null,
        "rows[0].updated_at": null,
      });
      const old = await send("GET", path(c), { version: "1.0" });
      expect({ rows: old.json }).to.have.nested.include({
        "rows[0].position": null,
        "rows[0].parts[0].id": `layer:///messages/${ids[0]}/parts/0`,
      });
      expect(old.json).not.to.have.nested.property("[0].updated_at");
    });

    it("pages by from_id, and counts all of them on every page", async () => {
      const c = await aConversation();
      const ids: string[] = [];
      for (let n = 0; n < 3; n += 1) ids.unshift(idOf(await say(c)));
      const rest = await send("GET", `${path(c)}?page_size=1&from_id=layer:///messages/${ids[1]}`);
      expect(rest.json).to.have.nested.property("[0].id", `layer:///messages/${ids[2]}`);
      expect(rest.headers.get("layer-count")).to.equal("3");
      expect(refused(await send("GET", `${path(c)}?from_id=${randomUUID()}`))).to.deep.equal([404, "not_found"]);
      expect(refused(await send("GET", `${path(c)}?page_size=x`))).to.deep.equal([422, "invalid_property"]);
    });

    it("answers 404 for an unknown conversation and 410 for a deleted one", async () => {
      const c = await aConversation();
      const m = idOf(await say(c));
      await send("DELETE", conversationPath(c));
      expect(refused(await send("GET", path(c)))).to.deep.equal([410, "object_deleted"]);
      expect(refused(await send("GET", path(randomUUID())))).to.deep.equal([404, "not_found"]);
      expect(refused(await send("GET", path(c, m)))).to.deep.equal([404, "not_found"]);
    });

    it("shows one within its own conversation, and nobody else's", async () => {
      const [c, d] = [await aConversation(), await aConversation()];
      const m = idOf(await say(c));
      expect((await send("GET", path(c, m))).json).to.deep.include({ id: `layer:///messages/${m}` });
      const other = world.directory.anApp();
      const token = world.directory.aToken({ app: other });
      for (const reply of [
        await send("GET", path(d, m)),
        await send("GET", path(c, "first")),
        await send("GET", path(c, m).replace(app, other), { token }),
      ]) {
        expect(refused(reply)).to.deep.equal([404, "not_found"]);
      }
    });
  });

  it("are deleted for everybody with 204, and then are not there", async () => {
    const c = await aConversation();
    const m = idOf(await say(c));
    expect(await send("DELETE", path(c, m))).to.have.property("status", 204);
    expect(refused(await send("DELETE", path(c, m)))).to.deep.equal([404, "not_found"]);
    expect(refused(await send("GET", path(c, m)))).to.deep.equal([404, "not_found"]);
    await send("DELETE", conversationPath(c));
    expect(refused(await send("DELETE", path(c, m)))).to.deep.equal([410, "object_deleted"]);
  });
});
