import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { devicesFor } from "@strata/tests-platform";
import { expect } from "chai";
import { expectError, expectStatus, idsOf, list, member } from "../support/api-client.ts";
import { addBackend, type Backend, signIn, userClient } from "../support/sign-in.ts";
import { openSocket, operationsOf, type Packet, type SocketClient, upgradeStatus } from "../support/socket-client.ts";
import { identityId, openWorld, type Platform, PUBLIC_URL, textPart, type World } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

/** What goes over sockets, frame by frame (client API 6 and 8): the published clients do not look at all of it. */
describe("sockets of the Client API, against the whole of Strata", function sockets() {
  this.timeout(60_000);
  let platform: Platform;
  let world: World;
  let backend: Backend;
  let [ann, bob, cid] = ["", "", ""];
  let open: SocketClient[] = [];
  before(async () => {
    platform = await apiPlatform();
    world = await openWorld(platform);
    backend = await addBackend(world);
  });
  beforeEach(async () => {
    [ann = "", bob = "", cid = ""] = await world.users(3);
  });
  afterEach(async () => {
    await Promise.all(open.map((socket) => socket.close()));
    open = [];
  });

  const session = (userId: string): Promise<string> => signIn(platform.baseUrl, backend, userId);
  const upgradeAs = (token: string, protocol: string | null, headers: Readonly<Record<string, string>> = {}) =>
    upgradeStatus(`${platform.websocketUrl}/?session_token=${token}`, protocol, headers);
  async function connect(userId: string, options: { version?: "2.0" | "3.0"; token?: string } = {}) {
    const socket = await openSocket(platform.websocketUrl, options.token ?? (await session(userId)), options);
    open.push(socket);
    return socket;
  }
  it("number packets from 0 without a gap, and answer every request, however wrong it is", async () => {
    const socket = await connect(ann);
    expect(await socket.request("Counter.read")).to.deep.include({ success: true, data: { counter: -1 } });
    expect(await socket.request("Counter.read")).to.deep.include({ data: { counter: 0 } });
    const unknown = await socket.request("Message.explode");
    expect(unknown).to.include({ method: "Message.explode", success: false });
    expect(member(unknown, "data")).to.include({ id: "invalid_operation", code: 9 });
    const wrong = await socket.request("Message.create", { data: null, objectId: "layer:///conversations/none" });
    expect(member(wrong, "data")).to.include({ id: "not_found", code: 102 });
    expect(member(await socket.request("Presence.subscribe"), "success")).to.equal(true);
    socket.sendRaw("no json");
    socket.sendRaw(JSON.stringify({ type: "signal", body: { type: "unheard of" } }));
    expect(member(await socket.request("Counter.read"), "success")).to.equal(true);
    inOrder(socket);
    for (const { timestamp } of socket.packets) expect(new Date(timestamp).toISOString()).to.equal(timestamp);
  });

  it("are refused without a living session, and in a version that nobody speaks", async () => {
    expect(await upgradeAs("nonsense", "layer-3.0")).to.equal(401);
    expect(await upgradeAs("a".repeat(64), "layer-3.0")).to.equal(401);
    const token = await session(ann);
    expect(await upgradeAs(token, "layer-1.0")).to.equal(400);
    expect(await upgradeAs(token, null)).to.equal(400);
    expect(await upgradeAs(token, "layer-1.0, layer-2.0")).to.equal(101);
  });

  it("create conversations and messages as REST does, and say so to all who take part, each in her own view", async () => {
    const [hers, his] = [await connect(ann), await connect(bob, { version: "2.0" })];
    const conversationId = `layer:///conversations/${randomUUID()}`;
    const data = {
      id: conversationId,
      participants: [ann, bob].map(identityId),
      distinct: true,
      metadata: { topic: "tea" },
    };
    const made = await hers.request("Conversation.create", { data });
    expect(made).to.include({ success: true });
    expect(member(made, "data")).to.include({ id: conversationId, distinct: true, unread_message_count: 0 });
    const told = await his.until(createOf(conversationId));
    const view = member(told.body, "data");
    expect(view).to.include({
      url: `${PUBLIC_URL}/${conversationId.slice("layer:///".length)}`,
      unread_message_count: 0,
    });
    expect(idsOf(member(view, "participants"))).to.have.members([ann, bob].map(identityId));
    await hers.until(createOf(conversationId));

    const messageId = `layer:///messages/${randomUUID()}`;
    const sent = await hers.request("Message.create", {
      objectId: conversationId,
      data: { id: messageId, parts: [textPart("hello")], notification: { text: "hello" } },
    });
    expect(member(sent, "data")).to.include({ id: messageId, is_unread: false });
    await his.until(updateWith("unread_message_count"));
    const changes = his.changes().slice(-2);
    expect(changes.map(([what]) => what)).to.deep.equal(["create Message", "update Conversation"]);
    const message = member(changes[0]?.[1], "data");
    expect(message).to.include({
      id: messageId,
      is_unread: true,
      receipts_url: `${PUBLIC_URL}/messages/${messageId.split("/").at(-1)}/receipts`,
    });
    expect(member(message, "recipient_status")).to.deep.equal({ [identityId(ann)]: "read", [identityId(bob)]: "sent" });
    const counts = operationsOf(changes[1]?.[1]);
    expect(counts.get("unread_message_count")).to.equal(1);
    expect(counts.get("total_message_count")).to.equal(1);
    expect(member(counts.get("last_message"), "id")).to.equal(messageId);
    const own = operationsOf((await hers.until(updateWith("unread_message_count"))).body);
    expect(own.get("unread_message_count")).to.equal(0);

    const rest = userClient(platform.baseUrl, await session(bob));
    const stored = expectStatus(await rest("GET", `/messages/${messageId.split("/").at(-1)}`, { version: "2.0" }), 200);
    expect(message).to.deep.equal(stored.json);
    for (const socket of [hers, his]) inOrder(socket);
  });

  it("find distinct conversations, refuse another's metadata, and take the same message id once", async () => {
    const socket = await connect(ann);
    const create = (id: string, metadata: unknown) =>
      socket.request("Conversation.create", {
        data: {
          id: `layer:///conversations/${id}`,
          participants: [ann, bob].map(identityId),
          distinct: true,
          metadata,
        },
      });
    const first = member(await create(randomUUID(), { a: "1" }), "data");
    const found = member(await create(randomUUID(), null), "data");
    expect(member(found, "id")).to.equal(member(first, "id"));
    const mismatch = await create(randomUUID(), { a: "2" });
    expect(mismatch).to.include({ success: false });
    expect(member(mismatch, "data")).to.include({ id: "conflict", code: 108 });
    expect(member(member(member(mismatch, "data"), "data"), "id")).to.equal(member(first, "id"));

    const message = { id: `layer:///messages/${randomUUID()}`, parts: [textPart("once")] };
    const send = () => socket.request("Message.create", { objectId: String(member(first, "id")), data: message });
    expect(await send()).to.include({ success: true });
    const again = await send();
    expect(member(again, "data")).to.include({ id: "id_in_use", code: 111 });
    expect(member(member(member(again, "data"), "data"), "id")).to.equal(message.id);
  });

  it("tell who got and read a message, and her unread count to the reader alone", async () => {
    const conversation = await world.conversation([ann, bob]);
    const [hers, his] = [await connect(ann), await connect(bob)];
    const id = await world.message(conversation, ann);
    await his.until(createOf(`layer:///messages/${id}`));
    const rest = userClient(platform.baseUrl, await session(bob));
    const path = `recipient_status.${identityId(bob).replaceAll(".", "\\.")}`;
    const statusOf = (socket: SocketClient) =>
      socket.changes().flatMap(([what, body]) => (what === "update Message" ? [operationsOf(body).get(path)] : []));
    for (const type of ["delivery", "read"]) {
      expectStatus(await rest("POST", `/messages/${id}/receipts`, { body: { type } }), 204);
      await eventually(() => statusOf(hers).at(-1), type === "read" ? "read" : "delivered");
    }
    await eventually(() => unreadCounts(his), [1, 0]);
    expect(unreadCounts(hers)).to.deep.equal([0]);
  });

  it("tell changes of people and metadata, what is cleared or deleted, and all being read", async () => {
    const conversation = await world.conversation([ann, bob]);
    const id = `layer:///conversations/${conversation}`;
    const [hers, his, theirs] = [await connect(ann), await connect(bob), await connect(cid)];
    await world.message(conversation, ann, "one");
    const patch = (operations: unknown) => world.api("PATCH", `/conversations/${conversation}`, { body: operations });
    expectStatus(await patch([{ operation: "add", property: "participants", id: identityId(cid) }]), 204);
    await theirs.until(createOf(id));
    const added = await his.until(updateWith("participants"));
    expect(list(member(added.body, "data"))[0]).to.deep.include({ operation: "add", id: identityId(cid) });
    expect(member(list(member(added.body, "data"))[0], "value")).to.include({
      user_id: cid,
      display_name: `Name ${cid}`,
    });
    expectStatus(await patch([{ operation: "set", property: "metadata.color", value: "red" }]), 204);
    const metadata = await hers.until(updateWith("metadata"));
    expect(operationsOf(metadata.body).get("metadata")).to.deep.equal({ color: "red" });

    const rest = userClient(platform.baseUrl, await session(bob));
    expectStatus(await rest("POST", `/conversations/${conversation}/mark_all_read`, { body: { position: null } }), 202);
    const marked = await hers.until(({ type }) => type === "operation");
    expect(marked.body).to.deep.include({ method: "Conversation.mark_all_read" });
    expect(member(member(member(marked.body, "data"), "identity"), "id")).to.equal(identityId(bob));

    expectStatus(await rest("DELETE", `/conversations/${conversation}?mode=my_devices&leave=false`), 204);
    const cleared = await his.until(isDelete);
    expect(member(cleared.body, "data")).to.deep.equal({ mode: "my_devices", from_position: null });
    expect(hers.packets.some(isDelete)).to.equal(false);

    expectStatus(await world.api("DELETE", `/conversations/${conversation}`), 204);
    const deleted = await hers.until(isDelete);
    expect(member(deleted.body, "data")).to.include({ mode: "all_participants" });
    for (const socket of [hers, his, theirs]) inOrder(socket);
  });

  it("bring announcements to their recipients, personal in content, and what they did with them to their other devices", async () => {
    const [hers, other, his] = [await connect(ann), await connect(ann), await connect(bob)];
    const body = { recipients: [identityId(ann)], sender_id: identityId(cid), parts: [textPart("news")] };
    const accepted = expectStatus(await world.api("POST", "/announcements", { body }), 202);
    const id = String(member(accepted.json, "id"));
    const told = await hers.until(createOf(id));
    expect(member(told.body, "object")).to.include({ type: "Announcement" });
    expect(member(told.body, "data")).to.include({ is_unread: true, conversation: null });
    expect(member(member(told.body, "data"), "recipient_status")).to.deep.equal({ [identityId(ann)]: "sent" });
    const rest = userClient(platform.baseUrl, await session(ann));
    const uuid = id.split("/").at(-1) ?? "";
    expectStatus(await rest("POST", `/announcements/${uuid}/receipts`, { body: { type: "read" } }), 204);
    const again = await other.until(
      (packet) => createOf(id)(packet) && member(member(packet.body, "data"), "is_unread") === false,
    );
    expect(member(member(again.body, "data"), "recipient_status")).to.deep.equal({ [identityId(ann)]: "read" });
    expectStatus(await world.api("DELETE", `/announcements/${uuid}`), 200);
    await hers.until(({ body: changed, type }) => type === "change" && member(changed, "operation") === "delete");
    expect(his.packets).to.deep.equal([]);
  });

  it("relay typing to the others, and presence to those who follow and asked", async () => {
    const conversation = await world.conversation([ann, bob]);
    const [hers, his, stranger] = [await connect(ann), await connect(bob), await connect(cid)];
    for (const socket of [hers, his, stranger]) await socket.request("Presence.subscribe");
    const object = { id: `layer:///conversations/${conversation}` };
    const signal = (data: unknown) =>
      JSON.stringify({ type: "signal", body: { type: "typing_indicator", object, data } });
    hers.sendRaw(signal({ action: "started" }));
    const typing = await his.until(({ type }) => type === "signal");
    expect(member(typing.body, "data")).to.deep.include({ action: "started" });
    expect(member(member(member(typing.body, "data"), "sender"), "id")).to.equal(identityId(ann));
    stranger.sendRaw(signal({ action: "started" }));

    await hers.request("Presence.update", { data: [{ operation: "set", property: "status", value: "busy" }] });
    const seen = await his.until(updateWith("presence.status"));
    expect(operationsOf(seen.body).get("presence.status")).to.equal("busy");
    const synced = await his.request("Presence.sync", { data: { ids: [ann, bob, cid].map(identityId) } });
    const changes = list(member(member(synced, "data"), "changes"));
    expect(changes.map((one) => member(member(one, "object"), "id"))).to.have.members([ann, bob].map(identityId));
    await hers.close();
    await his.until(
      (packet) =>
        updateWith("presence.status")(packet) && operationsOf(packet.body).get("presence.status") === "offline",
    );
    await his.until(({ type, body }) => type === "signal" && member(member(body, "data"), "action") === "finished");
    expect(stranger.packets.filter(({ type }) => type !== "response")).to.deep.equal([]);
    expect(his.packets.filter(({ type }) => type === "signal")).to.have.lengthOf(2);
  });

  it("show answers to a question as they come, and its backend counts them", async () => {
    const conversation = await world.conversation([ann, bob, cid]);
    const root = { mime_type: "application/vnd.layer.choice+json;role=root", body: '{"question":"Tea?"}' };
    const [socket, old] = [await connect(ann), await connect(ann, { version: "2.0" })];
    const body = { sender_id: identityId(ann), parts: [root] };
    const asked = expectStatus(await world.api("POST", `/conversations/${conversation}/messages`, { body }), 201);
    const [messageId, partId] = [String(member(asked.json, "id")), idsOf(member(asked.json, "parts"))[0] ?? ""];
    const nodeId = partId.split("/").at(-1) ?? "";
    const answer = async (user: string, value: string) => {
      const change = { operation: "add", type: "LWW", name: "selection", id: user, value };
      const said = { response_to: messageId, response_to_node_id: nodeId, changes: [change] };
      const part = { mime_type: "application/vnd.layer.response-v2+json;role=root", body: JSON.stringify(said) };
      const his = await connect(user);
      const data = { id: `layer:///messages/${randomUUID()}`, parts: [part] };
      const objectId = `layer:///conversations/${conversation}`;
      expect(await his.request("Message.create", { objectId, data })).to.include({ success: true });
    };
    await answer(bob, "yes");
    const added = await socket.until(updateWith("parts"));
    const [operation] = list(member(added.body, "data"));
    expect(operation).to.deep.include({ operation: "add", property: "parts" });
    const mimeType = `application/vnd.layer.responsesummary-v2+json;role=response_summary;parent-node-id=${nodeId}`;
    expect(member(member(operation, "value"), "mime_type")).to.equal(mimeType);
    const whole = await old.until(updateWith("parts"));
    expect(list(operationsOf(whole.body).get("parts"))).to.have.lengthOf(2);
    await answer(cid, "no");
    await answer(bob, "no");

    const path = `/conversations/${conversation}/messages/${messageId.split("/").at(-1) ?? ""}`;
    const counted = async () => list(member((await world.api("GET", `${path}/responses`)).json, "responses"))[0];
    await eventually(
      async () => member(await counted(), "counts"),
      [
        { value: "yes", count: 1 },
        { value: "no", count: 1 },
      ],
    );
    expect(await counted()).to.deep.include({ node_id: nodeId, name: "selection", total: 2 });
    const forged = { sender_id: identityId(ann), parts: [{ mime_type: mimeType, body: "{}" }] };
    expectError(
      await world.api("POST", `/conversations/${conversation}/messages`, { body: forged }),
      "invalid_property",
    );
    const rest = userClient(platform.baseUrl, await session(cid));
    expect((await rest("GET", `${path}/responses`)).json).to.deep.equal(
      (await world.api("GET", `${path}/responses`)).json,
    );
  });

  it("replay exactly what was missed, oldest first, in the version and the view of who asks", async () => {
    const conversation = await world.conversation([ann, bob]);
    const first = await connect(bob);
    await world.message(conversation, ann, "before");
    const last = await first.until(updateWith("unread_message_count"));
    await first.close();
    const missed = [];
    for (const text of ["one", "two", "three"]) missed.push(await world.message(conversation, ann, text));
    const gone = missed[1] ?? "";
    expectStatus(await world.api("DELETE", `/conversations/${conversation}/messages/${gone}`), 204);

    const back = await connect(bob);
    expect(await back.request("Event.replay", { data: { from_timestamp: last.timestamp } })).to.include({
      success: true,
    });
    await eventually(() => back.changes().filter(([what]) => what === "delete Message").length, 1);
    const created = back
      .changes()
      .filter(([what]) => what === "create Message")
      .map(([, body]) => member(member(body, "object"), "id"));
    const wanted = missed.filter((id) => id !== gone).map((id) => `layer:///messages/${id}`);
    expect(created.filter((id) => wanted.includes(String(id)))).to.deep.equal(wanted);
    const counted = back
      .changes()
      .flatMap(([what, body]) => (what === "update Conversation" ? [operationsOf(body)] : []));
    expect(counted.at(-1)?.get("unread_message_count")).to.equal(3);
    expect(member(counted.at(-1)?.get("last_message"), "id")).to.equal(`layer:///messages/${missed[2] ?? ""}`);
    inOrder(back);

    const tooOld = new Date(Date.now() - 40 * 3_600_000).toISOString();
    expect(await back.request("Event.replay", { data: { from_timestamp: tooOld } })).to.include({ success: false });
    expect(await back.request("Event.replay", { data: {} })).to.include({ success: false });
  });

  it("are closed within a second when their session ends, however it does", async () => {
    const endings: readonly ((user: string, token: string) => Promise<unknown>)[] = [
      (user) => world.api("DELETE", `/users/${user}/sessions`),
      (user) =>
        world.api("PATCH", `/users/${user}`, { body: [{ operation: "set", property: "suspended", value: true }] }),
      (user) => world.api("DELETE", `/users/${user}`),
      (_, token) => userClient(platform.baseUrl, null)("DELETE", `/sessions/${token}`),
    ];
    for (const end of endings) {
      const [user = ""] = await world.users(1);
      const token = await session(user);
      const socket = await connect(user, { token });
      await end(user, token);
      expect((await socket.closed).code).to.equal(1008);
      expect(await upgradeAs(token, "layer-3.0")).to.equal(401);
    }
  });

  it("keep pushes away from who has one open, or has read it there before the push's delay is over", async () => {
    // Not over the API, where registering one counts as having been there.
    await platform.insertPhones(world, devicesFor([ann, bob]));
    const policy = {
      categories: {
        offers: { skip_if_online: true },
        news: { skip_if_read: true, delay_seconds: 3 },
      },
    };
    expectStatus(
      await world.api("PUT", "/push_policy", { body: policy, headers: { "Content-Type": "application/json" } }),
      200,
    );
    const socket = await connect(ann);
    const announce = async (category: string) => {
      const parts = [textPart("Half the price")];
      const recipients = [ann, bob].map(identityId);
      const body = {
        recipients,
        sender_id: identityId(cid),
        parts,
        category,
        notification: { text: "Half the price" },
      };
      const id = String(member(expectStatus(await world.api("POST", "/announcements", { body }), 202).json, "id"));
      return { id, uuid: id.split("/").at(-1) ?? "" };
    };
    const decided = async (query: string) =>
      member((await world.api("GET", `/users/${ann}/push_explanation?${query}`)).json, "policy");
    const outcomeOf = async (uuid: string, user: string) => {
      const { json } = await world.api("GET", `/announcements/${uuid}/recipients/${user}`);
      return list(member(json, "pushes")).map((push) => [member(push, "outcome"), member(push, "policy")]);
    };
    // A policy is known everywhere within seconds.
    await eventually(() => decided("category=offers"), "online");
    const offer = await announce("offers");
    await eventually(() => outcomeOf(offer.uuid, ann), [["skipped", "online"]]);
    await eventually(() => outcomeOf(offer.uuid, bob), [["accepted", null]]);

    const news = await announce("news");
    await socket.until(createOf(news.id));
    const rest = userClient(platform.baseUrl, await session(ann));
    expectStatus(await rest("POST", `/announcements/${news.uuid}/receipts`, { body: { type: "read" } }), 204);
    await eventually(() => outcomeOf(news.uuid, ann), [["skipped", "already_read"]], { deadlineMs: 20_000 });
    await eventually(() => outcomeOf(news.uuid, bob), [["accepted", null]], { deadlineMs: 20_000 });

    await socket.close();
    // Her socket was all that said so.
    await eventually(() => decided("category=offers"), null, { deadlineMs: 20_000 });
  });

  it("take pages only from the app's own origins, where it names some", async () => {
    const own = await openWorld(platform);
    const token = await signIn(platform.baseUrl, await addBackend(own), ann);
    const from = (origin: string | null) => upgradeAs(token, "layer-3.0", origin === null ? {} : { Origin: origin });
    expect(await from("https://anywhere.example")).to.equal(101);
    const body = { allowed_origins: ["https://chat.example.com"] };
    await platform.account.request("PATCH", `/accounts/apps/${own.appId}/settings`, { body });
    await eventually(() => from("https://anywhere.example"), 403);
    expect(await from("https://chat.example.com")).to.equal(101);
    expect(await from(null)).to.equal(101);
  });
});

const inOrder = (socket: SocketClient): void => {
  expect(socket.packets.map(({ counter }) => counter)).to.deep.equal(socket.packets.map((_, index) => index));
};

const ofMessage =
  (id: string) =>
  ({ type, body }: Packet): boolean =>
    type === "change" && member(member(body, "object"), "id") === id;

const createOf =
  (id: string) =>
  (packet: Packet): boolean =>
    ofMessage(id)(packet) && member(packet.body, "operation") === "create";

const updateWith =
  (path: string) =>
  ({ type, body }: Packet): boolean =>
    type === "change" && member(body, "operation") === "update" && operationsOf(body).has(path);

const unreadCounts = (socket: SocketClient) =>
  socket.changes().flatMap(([, body]) => {
    const isUpdate = member(body, "operation") === "update";
    const counted = isUpdate ? operationsOf(body).get("unread_message_count") : undefined;
    return counted === undefined ? [] : [counted];
  });

const isDelete = ({ body, type }: Packet) => type === "change" && member(body, "operation") === "delete";
