import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { z } from "zod";
import { errorOf, type HttpClient, httpClient, type Reply } from "../http-client.ts";
import { openWorld, PATIENT, PUBLIC_URL, type World } from "../world.ts";

const PART = { mime_type: "text/plain", body: "Hello" };
const Id = z.object({ id: z.string() });
const idOf = ({ json }: Reply): string => Id.parse(json).id.replace(/^layer:\/\/\/\w+\//, "");
const refused = (reply: Reply): unknown[] => [reply.status, errorOf(reply).id];

describe("messages, as a user", () => {
  let world: World;
  let send: HttpClient;
  let app: string;
  let conversation: string;

  before(async () => {
    world = await openWorld({ name: "gateway user messages", env: PATIENT });
    app = world.directory.anApp();
    for (const user of ["ann", "bob", "cleo", "leaver"]) world.directory.aUser(app, user, user.toUpperCase());
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
    const body = { participants: ["ann", "bob", "leaver"] };
    conversation = idOf(await send("POST", `/apps/${app}/conversations`, { body }));
    await send("PATCH", `/apps/${app}/conversations/${conversation}`, {
      headers: { "Content-Type": "application/vnd.layer-patch+json" },
      body: [{ operation: "remove", property: "participants", value: "leaver" }],
    });
  });
  after(() => world[Symbol.asyncDispose]());

  const listPath = (user: string, id = conversation) => `/apps/${app}/users/${user}/conversations/${id}/messages`;
  const path = (user: string, id: string) => `/apps/${app}/users/${user}/messages/${id}`;
  const say = (user: string, body: Readonly<Record<string, unknown>> = { parts: [PART] }) =>
    send("POST", listPath(user), { body });

  it("are sent in her name, whatever the body says, and shown as she sees them", async () => {
    const reply = await say("ann", { sender_id: "bob", sender: { name: "Shop" }, parts: [PART] });
    const url = `${PUBLIC_URL}${path("ann", idOf(reply))}`;
    expect(reply.status).to.equal(201);
    expect(reply.json).to.deep.include({
      url,
      receipts_url: `${url}/receipts`,
      recipient_status: { "layer:///identities/ann": "read", "layer:///identities/bob": "sent" },
      is_unread: false,
    });
    expect(reply.json).to.have.nested.property("sender.user_id", "ann");
    expect((await send("GET", path("ann", idOf(reply)))).json).to.deep.equal(reply.json);
  });

  it("are not sent by who has left, by who never was in it, nor by whom nobody knows", async () => {
    expect(refused(await say("leaver"))).to.deep.equal([403, "access_denied"]);
    expect(refused(await say("cleo"))).to.deep.equal([404, "not_found"]);
    expect(refused(await say("stranger"))).to.deep.equal([404, "not_found"]);
    expect(refused(await say("stranger", {}))).to.deep.equal([422, "missing_property"]);
  });

  it("may be sent later, too", async () => {
    const reply = await say("ann", { parts: [PART], schedule: { delay_in_seconds: 1 } });
    expect([reply.status, reply.text]).to.deep.equal([202, ""]);
    const [message] = world.conversation.scheduled.at(-1)?.messages ?? [];
    expect(message).to.deep.include({ sender: { userId: "ann" }, authority: "user", delayMs: 1_000 });
  });

  it("answer 409 with her view of the message under a taken id, and with null where she does not see it", async () => {
    const first = await say("ann");
    const body = { id: idOf(first), parts: [PART] };
    expect(errorOf(await say("ann", body))).to.deep.include({ id: "id_in_use", data: first.json });
    await send("DELETE", `${path("bob", idOf(first))}?mode=my_devices`);
    expect(errorOf(await say("bob", body))).to.deep.include({ id: "id_in_use", data: null });
  });

  it("are listed and read by participants only", async () => {
    const m = idOf(await say("ann"));
    const list = await send("GET", listPath("bob"));
    expect({ rows: list.json }).to.have.nested.include({
      "rows[0].id": `layer:///messages/${m}`,
      "rows[0].is_unread": true,
    });
    expect(Number(list.headers.get("layer-count"))).to.be.greaterThan(0);
    expect(await send("GET", listPath("leaver"))).to.have.property("status", 200);
    for (const user of ["cleo", "stranger"]) {
      expect(refused(await send("GET", listPath(user)))).to.deep.equal([404, "not_found"]);
      expect(refused(await send("GET", path(user, m)))).to.deep.equal([404, "not_found"]);
    }
    expect(refused(await send("GET", path("leaver", m)))).to.deep.equal([403, "access_denied"]);
    expect(refused(await send("GET", path("ann", randomUUID())))).to.deep.equal([404, "not_found"]);
    expect(refused(await send("GET", `${listPath("ann")}?from_id=first`))).to.deep.equal([404, "not_found"]);
  });

  it("are found with and without their conversation, in every version's shape", async () => {
    const m = idOf(await say("ann"));
    for (const version of ["1.0", "1.1", "2.0", "3.0"] as const) {
      const alone = await send("GET", path("bob", m), { version });
      const within = await send("GET", `${listPath("bob")}/${m}`, { version });
      expect(within.json).to.deep.equal(alone.json);
      const isOld = version.startsWith("1.");
      expect(alone.json).to.have.property("position").that.is.a("number");
      expect(alone.json).to.have.deep.property(
        "recipient_status",
        isOld ? { ann: "read", bob: "sent" } : { "layer:///identities/ann": "read", "layer:///identities/bob": "sent" },
      );
    }
    expect(refused(await send("GET", `${listPath("bob", randomUUID())}/${m}`))).to.deep.equal([404, "not_found"]);
  });

  it("are shown as the last one of their conversation, with what she has not read", async () => {
    const m = idOf(await say("ann"));
    const shown = await send("GET", `/apps/${app}/users/bob/conversations/${conversation}`);
    expect(shown.json).to.have.nested.include({
      "last_message.id": `layer:///messages/${m}`,
      "last_message.sender.display_name": "ANN",
    });
    expect(shown.json).to.have.property("unread_message_count").that.is.greaterThan(0);
  });

  it("have receipts that only move forward, from who sees them", async () => {
    const m = idOf(await say("ann"));
    const report = (user: string, body: unknown) => send("POST", `${path(user, m)}/receipts`, { body });
    for (const type of ["delivery", "read", "delivered"]) {
      expect(await report("bob", { type })).to.have.property("status", 204);
    }
    expect(world.conversation.receipts.slice(-3).map(({ kind }) => kind)).to.deep.equal([
      "delivered",
      "read",
      "delivered",
    ]);
    expect((await send("GET", path("bob", m))).json).to.have.property("is_unread", false);
    expect(refused(await report("cleo", { type: "read" }))).to.deep.equal([404, "not_found"]);
    expect(refused(await report("stranger", { type: "read" }))).to.deep.equal([404, "not_found"]);
    expect(refused(await report("bob", {}))).to.deep.equal([422, "missing_property"]);
    expect(refused(await report("bob", { type: "seen" }))).to.deep.equal([422, "invalid_property"]);
    const none = await send("POST", `${path("bob", "first")}/receipts`, { body: { type: "read" } });
    expect(refused(none)).to.deep.equal([404, "not_found"]);
  });

  it("are deleted from her own view or for everybody", async () => {
    const m = idOf(await say("ann"));
    const remove = (user: string, query: string) => send("DELETE", `${path(user, m)}${query}`);
    expect(errorOf(await remove("bob", ""))).to.deep.include({ id: "missing_property", data: { property: "mode" } });
    expect(errorOf(await remove("bob", "?mode=all"))).to.deep.include({ data: { property: "mode" } });
    expect(await remove("bob", "?mode=my_devices")).to.have.property("status", 204);
    expect(refused(await send("GET", path("bob", m)))).to.deep.equal([404, "not_found"]);
    expect(await send("GET", path("ann", m))).to.have.property("status", 200);
    expect(refused(await remove("leaver", "?mode=all_participants"))).to.deep.equal([403, "access_denied"]);
    expect(refused(await remove("cleo", "?mode=all_participants"))).to.deep.equal([404, "not_found"]);
    expect(await remove("ann", "?mode=all_participants")).to.have.property("status", 204);
    expect(refused(await send("GET", path("ann", m)))).to.deep.equal([404, "not_found"]);
  });
});
