import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, PATIENT, type World } from "../world.ts";

const KIB = 1024;

interface HalfSent {
  readonly bytes: number;
  readonly of: number;
  readonly headers?: Readonly<Record<string, string>>;
}

const from = (address: string) => ({ "X-Forwarded-For": address });

/** A POST of which only so many bytes of its body come. */
async function halfSent(world: World, path: string, { bytes, of, headers = {} }: HalfSent) {
  const socket = connect(Number(new URL(world.baseUrl).port), "127.0.0.1");
  await once(socket, "connect");
  let answer = "";
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nAccept: application/vnd.layer+json; version=3.0\r\n`);
  for (const [name, value] of Object.entries(headers)) socket.write(`${name}: ${value}\r\n`);
  socket.write(`Content-Type: application/json\r\nContent-Length: ${of}\r\n\r\n${" ".repeat(bytes)}`);
  return { socket, status: () => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0) };
}

describe("bodies that do not come", () => {
  let world: World;
  let send: HttpClient;
  let app: string;
  const sockets: Socket[] = [];
  const dribble = async (path: string, options: HalfSent) => {
    const sending = await halfSent(world, path, options);
    sockets.push(sending.socket);
    return sending;
  };

  const nonce = async (address: string) =>
    (await send("POST", "/nonces", { headers: from(address), token: null })).status;
  const look = async (session = "") => (await send("GET", "/identities/ann", { session })).status;
  const open = async (env: Readonly<Record<string, string>>) => {
    world = await openWorld({ name: "gateway dribbling", env: { ...PATIENT, ...env } });
    app = world.directory.anApp();
    world.directory.aUser(app, "ann");
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
  };
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await world[Symbol.asyncDispose]();
  });

  it("are a few kB at the most of a stranger who accepts an invitation", async () => {
    await open({});
    const body = { code: "x".repeat(4 * KIB) };
    const reply = await send("POST", "/accounts/invitations/accept", { body, token: null });
    expect(reply.status).to.equal(413);
  });

  it("hold a small share of all bodies where they are strangers', and no app waits for them", async () => {
    // A sixteenth of it is one body of a login.
    await open({ MAX_BODY_BYTES_IN_FLIGHT: String(512 * KIB) });
    await dribble("/sessions", { bytes: 32 * KIB - 1, of: 32 * KIB });
    const more = () => send("POST", "/sessions", { raw: " ".repeat(4 * KIB), token: null });
    await eventually(async () => (await more()).status, 503);
    const body = { display_name: "x".repeat(64 * KIB) };
    expect(await send("POST", `/apps/${app}/users/ann/identity`, { body })).to.have.property("status", 422);
  });

  it("hold so many places of one address, and others log in", async () => {
    await open({ MAX_IN_FLIGHT_PER_ADDRESS: "2", PROXY_HOPS: "1" });
    for (let n = 0; n < 2; n += 1) await dribble("/sessions", { bytes: 1, of: 2, headers: from("192.0.2.1") });
    await eventually(() => nonce("192.0.2.1"), 429);
    expect(await nonce("192.0.2.2")).to.equal(201);
    for (const socket of sockets.splice(0)) socket.destroy();
    await eventually(() => nonce("192.0.2.1"), 201);
  });

  it("hold so many places of one user, and the other users of her app go on", async () => {
    await open({ MAX_IN_FLIGHT_PER_USER: "2" });
    const [ann, bob] = ["ann", "bob"].map((userId) => world.directory.logins.aSession(app, userId));
    const headers = { Authorization: `Layer session-token="${ann}"` };
    for (let n = 0; n < 2; n += 1) await dribble("/conversations", { bytes: 1, of: 2, headers });
    await eventually(() => look(ann), 429);
    expect(await look(bob)).to.equal(200);
  });

  it("are waited for shortly where they are a stranger's, and longer where they are an app's", async () => {
    await open({ STRANGER_RECEIVE_TIMEOUT_MS: "300" });
    const stranger = await dribble("/sessions", { bytes: 10, of: 20 });
    const known = connect(Number(new URL(world.baseUrl).port), "127.0.0.1");
    sockets.push(known);
    const token = world.directory.aToken({ app });
    known.write(`POST /apps/${app}/announcements HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n`);
    known.write(`Accept: application/vnd.layer+json; version=3.0\r\nContent-Length: 3\r\n\r\n{`);
    await eventually(() => stranger.status(), 408);
    const answered = once(known, "data");
    known.write("} ");
    expect(String((await answered)[0])).to.match(/^HTTP\/1\.1 422 /);
  });
});
