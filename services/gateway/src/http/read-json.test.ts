import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { expect } from "chai";
import { z } from "zod";
import { bodyBudget } from "./body-budget.ts";
import { readJson } from "./read-json.ts";

/** What becomes of a body of which these pieces come, the next one when the one before has arrived. */
async function readingOf(pieces: readonly string[], bytes: number, graceMs: number): Promise<unknown> {
  const read = Promise.withResolvers<unknown>();
  const arrived = { next: Promise.withResolvers<void>() };
  const server = createServer((request) => {
    request.on("data", () => arrived.next.resolve());
    const pace = { graceMs, bytesPerSecond: 1e6, lookEveryMs: 5 };
    readJson(request, 1_000, bodyBudget(1_000).open([]), pace).then(read.resolve, read.resolve);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = z.object({ port: z.number() }).parse(server.address());
  const caller = connect(port, "127.0.0.1");
  caller.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n`);
  for (const piece of pieces) {
    arrived.next = Promise.withResolvers();
    caller.write(piece);
    await arrived.next.promise;
  }
  const outcome = await read.promise;
  caller.destroy();
  server.closeAllConnections();
  server.close();
  return outcome;
}

describe("readJson", () => {
  it("gives up a body that comes too slowly, once its grace is over", async () => {
    expect(await readingOf(["{"], 2, 50)).to.include({ id: "request_timeout", status: 408 });
  });

  it("waits for one within its grace, and looks no more once it is there", async () => {
    expect(await readingOf(["{", "}"], 2, 60_000)).to.deep.equal({});
  });
});
