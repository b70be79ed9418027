import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, PATIENT, type World } from "../world.ts";

const KIB = 1024;

/** A POST of which only so many bytes of its body come. */
async function halfSent(world: World, path: string, { bytes, of }: { readonly bytes: number; readonly of: number }) {
  const socket = connect(Number(new URL(world.baseUrl).port), "127.0.0.1");
  await once(socket, "connect");
  let answer = "";
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nAccept: application/vnd.layer+json; version=3.0\r\n`;
  socket.write(`${head}Content-Type: application/json\r\nContent-Length: ${of}\r\n\r\n${" ".repeat(bytes)}`);
  return { socket, status: () => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0) };
}

describe("who has not logged in", () => {
  let world: World;
  let send: HttpClient;
  let app: string;
  const sockets: Socket[] = [];
  const dribble = async (path: string, { bytes, of }: { readonly bytes: number; readonly of: number }) => {
    const sending = await halfSent(world, path, { bytes, of });
    sockets.push(sending.socket);
    return sending;
  };

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

  it("may send no more than a few kB where a code or a name is asked for", async () => {
    await open({});
    const body = { code: "x".repeat(4 * KIB) };
    const reply = await send("POST", "/accounts/invitations/accept", { body, token: null });
    expect(reply.status).to.equal(413);
  });

  it("holds a small share of all bodies, however many are half sent, and no app waits for it", async () => {
    // A sixteenth of it is one body of a login.
    await open({ MAX_BODY_BYTES_IN_FLIGHT: String(512 * KIB) });
    await dribble("/sessions", { bytes: 32 * KIB - 1, of: 32 * KIB });
    const more = () => send("POST", "/sessions", { raw: " ".repeat(4 * KIB), token: null });
    await eventually(async () => (await more()).status, 503);
    const body = { display_name: "x".repeat(64 * KIB) };
    expect(await send("POST", `/apps/${app}/users/ann/identity`, { body })).to.have.property("status", 422);
  });

  it("has a short time to send a body, and an app has the longer one", async () => {
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
