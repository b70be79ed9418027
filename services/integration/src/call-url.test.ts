import { createServer } from "node:net";
import { testBackend } from "@strata/testing";
import { expect } from "chai";
import { CallError, urlCaller } from "./call-url.ts";

const reasonOf = (calling: Promise<unknown>): Promise<string> =>
  calling.then(
    (answer) => JSON.stringify(answer),
    (error: unknown) => (error instanceof CallError ? error.message : `no CallError: ${String(error)}`),
  );
const aCall = (url: string, timeoutMs = 5_000) => ({ url, headers: { "x-test": "1" }, body: '{"é":1}', timeoutMs });

describe("a call of a URL that a stranger gave", () => {
  const open = urlCaller({ isLocalAllowed: false, ca: null });
  const local = urlCaller({ isLocalAllowed: true, ca: null });
  after(async () => {
    await open.close();
    await local.close();
  });

  it("leads to nobody who is not on the open internet, however the address is written", async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "::", resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const hosts = [
      "localhost",
      "127.0.0.1",
      "127.1",
      "2130706433",
      "0x7f000001",
      "[::1]",
      "[::ffff:127.0.0.1]",
      "[::ffff:7f00:1]",
      "[64:ff9b::7f00:1]",
      "0.0.0.0",
      "[::]",
      "10.0.0.1",
      "192.168.0.1",
      "172.16.0.1",
      "100.64.0.1",
      "169.254.169.254",
      "[fd00::1]",
      "[fe80::1]",
    ];
    for (const host of hosts) {
      const reason = await reasonOf(open.post(aCall(`https://${host}:${port}/`)));
      expect(reason, host).to.equal("its address is not on the open internet");
    }
    expect(connections).to.equal(0);
    // The same server is there for who may reach it: else the test would show nothing.
    expect(await reasonOf(local.post(aCall(`https://127.0.0.1:${port}/`)))).to.match(/^it could not be called/);
    expect(connections).to.equal(1);
    server.close();
  });

  it("is made over HTTPS alone, unless local ones are allowed", async () => {
    await using backend = await testBackend();
    for (const url of [backend.url, "http://93.184.216.34/", "ftp://example.com/"]) {
      expect(await reasonOf(open.post(aCall(url))), url).to.equal("it is no https URL");
    }
    expect(await reasonOf(local.post(aCall("ftp://example.com/")))).to.equal("it is no https URL");
    expect(backend.calls).to.deep.equal([]);
  });

  it("posts the body as it is, and answers what was said", async () => {
    await using backend = await testBackend();
    backend.answers({ status: 418, body: "tea" });
    expect(await local.post(aCall(`${backend.url}/hook?x=1`))).to.deep.equal({ status: 418, body: "tea" });
    const [call] = backend.calls;
    expect(call).to.include({ path: "/hook?x=1", body: '{"é":1}' });
    expect(call?.headers).to.include({ "x-test": "1", "content-length": "8" });
  });

  it("follows no redirect", async () => {
    await using inner = await testBackend();
    await using backend = await testBackend();
    backend.answers({ status: 307, headers: { location: inner.url } });
    expect(await local.post(aCall(backend.url))).to.deep.equal({ status: 307, body: "" });
    expect(inner.calls).to.deep.equal([]);
  });

  it("ends when its time is over, also in the middle of an answer, and when an answer is too long", async () => {
    await using backend = await testBackend();
    backend.hangs();
    expect(await reasonOf(local.post(aCall(backend.url, 100)))).to.equal("it did not answer within 100 ms");
    backend.answers({ body: "x".repeat(65 * 1_024) });
    expect(await reasonOf(local.post(aCall(backend.url)))).to.equal("its answer has more than 65536 bytes");
    const slow = createServer((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsl"));
    await new Promise<void>((resolve) => slow.listen(0, "127.0.0.1", resolve));
    const address = slow.address();
    const port = typeof address === "object" && address ? address.port : 0;
    expect(await reasonOf(local.post(aCall(`http://127.0.0.1:${port}`, 100)))).to.equal(
      "it did not answer within 100 ms",
    );
    slow.close();
  });

  it("says that nobody is there, and not more", async () => {
    expect(await reasonOf(local.post(aCall("http://127.0.0.1:1/")))).to.equal("it could not be called (ECONNREFUSED)");
    expect(await reasonOf(local.post(aCall("https://nobody.invalid/")))).to.match(/^it could not be called \(E/);
  });
});
