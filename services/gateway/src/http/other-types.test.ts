import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { expect } from "chai";
import { z } from "zod";
import { CSV_TYPE, NDJSON_TYPE, otherTypeOf, sendStream } from "./other-types.ts";

const asked = (accept: string | undefined) => otherTypeOf(accept, [NDJSON_TYPE, CSV_TYPE]);

describe("a type besides JSON", () => {
  it("is taken where Accept names it, whatever its case and parameters", () => {
    expect(asked("text/csv")).to.equal(CSV_TYPE);
    expect(asked("Application/X-NDJSON; charset=utf-8")).to.equal(NDJSON_TYPE);
    expect(asked("text/html, text/csv;q=0.8, */*;q=0.1")).to.equal(CSV_TYPE);
    expect(asked("text/csv, application/x-ndjson")).to.equal(CSV_TYPE);
  });

  it("is not taken for who takes anything, refuses it, or names something else", () => {
    for (const accept of [undefined, "", "*/*", "text/*", "text/csv;q=0", "application/json"]) {
      expect(asked(accept), String(accept)).to.equal(null);
    }
    expect(otherTypeOf("text/csv", [])).to.equal(null);
  });
});

async function* piecesOf(count: number, onEnd: () => void): AsyncGenerator<string> {
  try {
    for (let n = 0; n < count; n += 1) yield "x".repeat(100_000);
  } finally {
    onEnd();
  }
}

/** A server that answers each request with so many pieces, and a reader who has sent one and taken nothing yet. */
async function anAnswer(count: number, idleMs: number) {
  const ended = Promise.withResolvers<void>();
  const server = createServer((_request, response) => {
    void sendStream(response, { type: "text/csv", pieces: piecesOf(count, ended.resolve) }, idleMs);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = z.object({ port: z.number() }).parse(server.address());
  const reader = connect(port, "127.0.0.1");
  reader.pause();
  reader.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  return {
    reader,
    ended: ended.promise,
    async [Symbol.asyncDispose]() {
      reader.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

describe("sendStream", () => {
  it("ends for who takes nothing for a while, and lets go of what it was made from", async () => {
    await using answer = await anAnswer(10_000, 100);
    await answer.ended;
  });

  it("goes on to its end for who reads", async () => {
    await using answer = await anAnswer(200, 1_000);
    let bytes = 0;
    answer.reader.on("data", ({ length }: Buffer) => (bytes += length));
    answer.reader.resume();
    await once(answer.reader, "end");
    expect(bytes).to.be.above(200 * 100_000);
  });
});
