import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, idsOf, list, member, uuidOf } from "../support/api-client.ts";
import { addBackend, type Backend, signIn, userClient } from "../support/sign-in.ts";
import { openSocket, type SocketClient } from "../support/socket-client.ts";
import { identityId, openWorld, type Platform, textPart, type World } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

const JSON_PATCH = { "Content-Type": "application/json" };
const DAY_MS = 86_400_000;
const mentioned = (socket: SocketClient, id: string): boolean => JSON.stringify(socket.packets).includes(id);
const later = (ms: number): string => new Date(Date.now() + ms).toISOString();

/** A match, as the backend of a dating app makes one: what both of them see of it, over REST and sockets. */
describe("conversations that open and close by themselves, against the whole of Strata", function byTheClock() {
  this.timeout(60_000);
  let platform: Platform;
  let world: World;
  let backend: Backend;
  before(async () => {
    platform = await apiPlatform();
    world = await openWorld(platform);
    backend = await addBackend(world);
  });

  const match = async (
    people: readonly string[],
    operator: string,
    changed: Readonly<Record<string, unknown>> = {},
  ) => {
    const body = {
      participants: people.map(identityId),
      distinct: true,
      opens_at: later(DAY_MS),
      ttl_seconds: 86_400,
      ice_breaker: { sender_id: identityId(operator), parts: [textPart("You like each other")] },
      warning: { before_seconds: 3_600, sender_id: identityId(operator), parts: [textPart("One hour left")] },
      ...changed,
    };
    return uuidOf(expectStatus(await world.api("POST", "/conversations", { body }), 201).json);
  };
  const change = (id: string, body: unknown) =>
    world.api("PATCH", `/conversations/${id}/schedule`, { body, headers: JSON_PATCH });
  const stepsOf = async (id: string) => {
    const { json } = expectStatus(await world.api("GET", `/conversations/${id}/schedule`), 200);
    return list(member(json, "steps")).map((one) => `${String(member(one, "step"))} ${String(member(one, "state"))}`);
  };

  it("are nowhere to be seen until they open, and then say first what they begin with", async () => {
    const [ann = "", bob = "", operator = ""] = await world.users(3);
    const session = await signIn(platform.baseUrl, backend, ann);
    const client = userClient(platform.baseUrl, session);
    await using socket = await openSocket(platform.websocketUrl, session);
    const id = await match([ann, bob], operator);
    expect(await stepsOf(id)).to.deep.equal(["open pending", "warn pending", "close pending", "delete pending"]);

    for (const path of [`/conversations/${id}`, `/conversations/${id}/messages`]) {
      expectError(await client("GET", path), "not_found");
      expectError(await world.api("GET", `/users/${ann}${path}`), "not_found");
    }
    const said = { body: { parts: [textPart("hello")] } };
    expectError(await client("POST", `/conversations/${id}/messages`, said), "not_found");
    const spoken = { body: { sender_id: identityId(operator), parts: [textPart("hello")] } };
    expectError(await world.api("POST", `/conversations/${id}/messages`, spoken), "conversation_closed");
    expect(list(expectStatus(await client("GET", "/conversations"), 200).json)).to.deep.equal([]);
    // What is told next comes behind whatever would have been told of it.
    const other = await world.conversation([ann], { metadata: { topic: "another" } });
    await socket.until(({ body }) => JSON.stringify(body).includes(other));
    expect(mentioned(socket, id)).to.equal(false);

    expectStatus(await change(id, { opens_at: null }), 200);
    const told = () =>
      socket
        .changes()
        .filter(([, body]) => JSON.stringify(body).includes(id))
        .map(([what]) => what);
    await eventually(() => told().slice(0, 2), ["create Conversation", "create Message"]);
    expect(idsOf(expectStatus(await client("GET", "/conversations"), 200).json)).to.include(
      `layer:///conversations/${id}`,
    );
    const own = expectStatus(await client("GET", `/conversations/${id}`), 200).json;
    expect(own).to.include({ unread_message_count: 1, total_message_count: 1 });
    expect(own).not.to.have.any.keys("schedule", "visible_history");
    await eventually(() => stepsOf(id), ["open done", "warn pending", "close pending", "delete pending"]);
    expectError(await change(id, { opens_at: later(DAY_MS) }), "conflict");
  });

  it("close for writing, are still there to be read, and are deleted when their grace is over", async () => {
    const [ann = "", bob = "", operator = ""] = await world.users(3);
    const client = userClient(platform.baseUrl, await signIn(platform.baseUrl, backend, ann));
    const id = await match([ann, bob], operator, { opens_at: null, warning: null });
    const said = { body: { parts: [textPart("hello")] } };
    expectStatus(await client("POST", `/conversations/${id}/messages`, said), 201);
    expectStatus(await change(id, { expires_at: later(1_000) }), 200);
    await eventually(() => stepsOf(id), ["open done", "close done", "delete pending"]);
    expectError(await client("POST", `/conversations/${id}/messages`, said), "conversation_closed");
    expect(list(expectStatus(await client("GET", `/conversations/${id}/messages`), 200).json)).to.have.lengthOf(2);
    // The same two may begin again.
    const again = await match([bob, ann], operator);
    expect(again).not.to.equal(id);

    expectStatus(await change(id, { grace_seconds: 0 }), 200);
    await eventually(async () => (await client("GET", `/conversations/${id}`)).status, 410);
    expectError(await world.api("GET", `/conversations/${id}/schedule`), "object_deleted");
  });

  it("canceled, were never there", async () => {
    const [ann = "", bob = "", operator = ""] = await world.users(3);
    const session = await signIn(platform.baseUrl, backend, ann);
    await using socket = await openSocket(platform.websocketUrl, session);
    const id = await match([ann, bob], operator);
    expectStatus(await world.api("DELETE", `/conversations/${id}/schedule`), 204);
    expectError(await world.api("GET", `/conversations/${id}`), "object_deleted");
    expectError(await userClient(platform.baseUrl, session)("GET", `/conversations/${id}`), "not_found");
    const other = await world.conversation([ann, bob], { distinct: true });
    await socket.until(({ body }) => JSON.stringify(body).includes(other));
    expect(mentioned(socket, id)).to.equal(false);
  });
});
