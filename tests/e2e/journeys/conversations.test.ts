import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import type { Platform, TestApp } from "@strata/tests-platform";
import { expect } from "chai";
import { z } from "zod";
import { journeysPlatform } from "./platform.ts";

const PART = { mime_type: "text/plain", body: "Your order is on its way" };
const Id = z.object({ id: z.string() });
const uuidOf = ({ json }: Reply): string => Id.parse(json).id.split("/").at(-1) ?? "";
const ErrorBody = z.object({ id: z.string(), data: z.unknown().optional() });
const errorOf = ({ json }: Reply) => ErrorBody.parse(json);

interface Reply {
  readonly status: number;
  readonly count: string | null;
  readonly json: unknown;
}

interface Options {
  readonly version?: "1.0" | "2.0" | "3.0";
  readonly id?: string;
  readonly body?: unknown;
}

const later = (text: string, delay: number) => ({
  sender_id: "bot",
  parts: [{ ...PART, body: text }],
  schedule: { delay_in_seconds: delay },
});

/** The gateway, the directory and the conversation service as processes, over HTTP from outside. */
describe("a conversation through everything", function journeys() {
  this.timeout(120_000);
  let platform: Platform;
  let app: TestApp;

  before(async () => {
    platform = await journeysPlatform();
    app = await platform.createApp();
    await platform.insertUsers(app.appId, ["ann", "bob", "bot"]);
  });

  async function send(method: string, path: string, { version = "3.0", id, body }: Options = {}): Promise<Reply> {
    const type = method === "PATCH" ? "application/vnd.layer-patch+json" : "application/json";
    const response = await fetch(`${platform.baseUrl}/apps/${app.appId}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${app.token}`,
        accept: `application/vnd.layer+json; version=${version}`,
        ...(body === undefined ? {} : { "content-type": type }),
        ...(id === undefined ? {} : { "if-none-match": id }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: unknown = text === "" ? undefined : JSON.parse(text);
    return { status: response.status, count: response.headers.get("layer-count"), json };
  }

  const aConversation = async (participants: readonly string[]): Promise<string> =>
    `/conversations/${uuidOf(await send("POST", "/conversations", { body: { participants } }))}`;

  it("is created once under its id, found where it is distinct, and in conflict with other metadata", async () => {
    const body = { participants: ["ann", "bob"], distinct: true, metadata: { order: { id: "4711" } } };
    const id = randomUUID();
    const created = await send("POST", "/conversations", { id, body });
    expect([created.status, uuidOf(created)]).to.deep.equal([201, id]);
    const repeat = await send("POST", "/conversations", { id, body });
    expect([repeat.status, errorOf(repeat).id]).to.deep.equal([409, "id_in_use"]);
    expect(errorOf(repeat).data).to.deep.equal(created.json);
    const found = await send("POST", "/conversations", { body: { ...body, metadata: null } });
    expect([found.status, found.json]).to.deep.equal([200, created.json]);
    const conflict = await send("POST", "/conversations", { body: { ...body, metadata: {} } });
    expect([conflict.status, errorOf(conflict).id]).to.deep.equal([409, "conflict"]);
    expect(errorOf(conflict).data).to.deep.equal(created.json);
  });

  it("is changed by patches of each version, and deleted for good", async () => {
    const path = await aConversation(["ann", "never seen"]);
    const patch = (version: "1.0" | "3.0", ...body: unknown[]) => send("PATCH", path, { version, body });
    expect(await patch("1.0", { operation: "add", property: "participants", value: "bob" })).to.include({
      status: 204,
    });
    expect(
      await patch(
        "3.0",
        { operation: "remove", property: "participants", id: "layer:///identities/never%20seen" },
        { operation: "set", property: "metadata.a.b", value: "c" },
      ),
    ).to.include({ status: 204 });
    const shown = await send("GET", path, { version: "1.0" });
    expect(shown.json).to.deep.include({ participants: ["ann", "bob"], metadata: { a: { b: "c" } } });
    const deep = await patch("3.0", { operation: "set", property: "metadata.a.b.c", value: "d" });
    expect([deep.status, errorOf(deep).id]).to.deep.equal([422, "invalid_property"]);
    for (const _ of [1, 2]) expect(await send("DELETE", path)).to.include({ status: 204 });
    for (const reply of [await send("GET", path), await patch("3.0"), await send("GET", `${path}/messages`)]) {
      expect([reply.status, errorOf(reply).id]).to.deep.equal([410, "object_deleted"]);
    }
  });

  it("carries messages that users list, read and answer", async () => {
    const path = await aConversation(["ann", "bob"]);
    const id = randomUUID();
    const body = { sender_id: "bot", parts: [PART], notification: { text: "Hello" } };
    const sent = await send("POST", `${path}/messages`, { id, body });
    expect([sent.status, uuidOf(sent)]).to.deep.equal([201, id]);
    const repeat = await send("POST", `${path}/messages`, { id, body });
    expect([repeat.status, errorOf(repeat).data]).to.deep.equal([
      409,
      (await send("GET", `${path}/messages/${id}`)).json,
    ]);
    const named = { sender: { name: "Shop" }, parts: [PART] };
    expect(await send("POST", `${path}/messages`, { version: "1.0", body: named })).to.include({ status: 201 });

    const list = await send("GET", `/users/ann${path}/messages`);
    expect(list.count).to.equal("2");
    expect(
      z
        .array(z.object({ position: z.number() }))
        .parse(list.json)
        .map(({ position }) => position),
    ).to.deep.equal([2 * 2 ** 20, 2 ** 20]);
    const ofAnn = async () => (await send("GET", `/users/ann${path}`)).json;
    expect(await ofAnn()).to.include({ unread_message_count: 2, total_message_count: 2 });
    expect(await send("POST", `/users/ann/messages/${id}/receipts`, { body: { type: "read" } })).to.include({
      status: 204,
    });
    expect(await ofAnn()).to.include({ unread_message_count: 1 });
    expect((await send("GET", `${path}/messages/${id}`)).json).to.have.deep.property("recipient_status", {
      "layer:///identities/ann": "read",
      "layer:///identities/bob": "sent",
    });
    const marked = await send("POST", `/users/ann${path}/mark_all_read`);
    expect([marked.status, marked.json]).to.deep.equal([202, { position: 2 * 2 ** 20 }]);
    expect(await ofAnn()).to.include({ unread_message_count: 0 });

    const answer = await send("POST", `/users/ann${path}/messages`, { body: { parts: [PART] } });
    expect((await send("GET", `/users/ann/messages/${uuidOf(answer)}`)).json).to.deep.equal(answer.json);
    const page = await send("GET", "/users/bob/conversations?sort_by=last_message&page_size=1");
    expect(page.json).to.have.nested.property("[0].last_message.id", Id.parse(answer.json).id);
  });

  it("shows who has left what was said before, and lets her say nothing more", async () => {
    const path = await aConversation(["ann", "bob"]);
    const before = uuidOf(await send("POST", `/users/ann${path}/messages`, { body: { parts: [PART] } }));
    expect(await send("DELETE", `/users/bob${path}?mode=my_devices&leave=true`)).to.include({ status: 204 });
    const after = uuidOf(await send("POST", `/users/ann${path}/messages`, { body: { parts: [PART] } }));
    const refused = await send("POST", `/users/bob${path}/messages`, { body: { parts: [PART] } });
    expect([refused.status, errorOf(refused).id]).to.deep.equal([403, "access_denied"]);
    const unseen = await send("GET", `/users/bob/messages/${after}`);
    expect([unseen.status, errorOf(unseen).id]).to.deep.equal([403, "access_denied"]);
    expect(await send("GET", `/users/ann/messages/${before}`)).to.include({ status: 200 });
    const stranger = await send("GET", `/users/bot${path}`);
    expect([stranger.status, errorOf(stranger).id]).to.deep.equal([404, "not_found"]);
  });

  it("has messages whose parts are added, replaced and taken out", async () => {
    const path = await aConversation(["ann", "bob"]);
    const message = `${path}/messages/${uuidOf(await send("POST", `${path}/messages`, { body: { sender_id: "bot", parts: [PART] } }))}`;
    const id = randomUUID();
    const added = await send("POST", `${message}/parts`, { id, body: { ...PART, body: "two" } });
    expect([added.status, uuidOf(added)]).to.deep.equal([201, id]);
    expect(await send("POST", `${message}/parts`, { id, body: PART })).to.include({ status: 409 });
    expect(await send("PUT", `${message}/parts/0`, { version: "2.0", body: PART })).to.include({ status: 200 });
    expect(await send("DELETE", `${message}/parts/${id}`)).to.include({ status: 204 });
    const last = await send("DELETE", `${message}/parts/0`);
    expect([last.status, errorOf(last).id]).to.deep.equal([422, "invalid_operation"]);
    expect((await send("GET", message)).json)
      .to.have.property("updated_at")
      .that.is.a("string");
  });

  it("gets the messages of a batch one after the other", async () => {
    const path = await aConversation(["ann", "bob"]);
    const batch = [later("one", 0), later("two", 0.2), later("three", 0.2)];
    expect(await send("POST", `${path}/messages`, { body: batch })).to.include({ status: 202 });
    const Texts = z.array(z.object({ parts: z.array(z.object({ body: z.string() })) }));
    const texts = async () =>
      Texts.parse((await send("GET", `${path}/messages`)).json).map(({ parts }) => parts[0]?.body);
    await eventually(texts, ["three", "two", "one"], { deadlineMs: 30_000 });
  });
});
