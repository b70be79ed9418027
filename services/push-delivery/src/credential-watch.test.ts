import { randomUUID } from "node:crypto";
import type { Logger } from "@strata/runtime";
import { silentLogger } from "@strata/runtime";
import { anAppId, eventually } from "@strata/testing";
import { expect } from "chai";
import { openStores } from "../test/support.ts";
import { credentialWatch } from "./credential-watch.ts";
import { healthAt, type Seen } from "./domain/credential-health.ts";

const T0 = 1_700_000_000_000;
const ok = (at: number): Seen => ({ state: "ok", reason: null, retryAt: null, at });
const refused = (at: number, reason = "BadTopic"): Seen => ({ state: "refused", reason, retryAt: null, at });

describe("the state of a credential", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("credential-watch");
  });
  after(() => stores[Symbol.asyncDispose]());

  /** A credential in the store, and as many processes as are asked for that watch it. */
  async function watched() {
    const app = anAppId();
    const credentialId = randomUUID();
    const put = async (putAt: number) => {
      await stores.credentials.put({ app, credentialId, kind: "apns", sealed: "v2.x", putAt, by: randomUUID() });
      const row = await stores.credentials.find(app, credentialId);
      if (row === null) throw new Error("not stored");
      return row;
    };
    const health = async () => (await stores.credentials.find(app, credentialId))?.health ?? null;
    const recovered: string[] = [];
    const lines: [string, unknown][] = [];
    const log: Logger = {
      ...silentLogger,
      info: (message, fields) => void lines.push([message, fields?.["state"]]),
      warn: (message, fields) => void lines.push([message, fields?.["state"]]),
    };
    const aProcess = (row: Awaited<ReturnType<typeof put>>) =>
      credentialWatch(row, {
        credentials: stores.credentials,
        onRecovered: async (_, id) => void recovered.push(id),
        log,
      });
    return { put, health, recovered, lines, aProcess };
  }

  it("is what was seen last by any process, with the time since when it is so", async () => {
    const { put, health, aProcess, lines } = await watched();
    const row = await put(T0);
    const [one, other] = [aProcess(row), aProcess(row)];
    one.saw(refused(T0 + 1_000));
    await one.close();
    other.saw(refused(T0 + 2_000, "InvalidProviderToken"));
    await other.close();
    expect(await health()).to.include({ state: "refused", reason: "InvalidProviderToken", since: T0 + 1_000 });
    one.saw(ok(T0 + 500));
    await one.close();
    expect(await health()).to.include({ state: "refused" });
    // One that has not heard of any of it: only the row knows that this is old.
    const late = aProcess(row);
    late.saw(ok(T0 + 500));
    await late.close();
    expect(await health()).to.include({ state: "refused" });
    one.saw(ok(T0 + 3_000));
    await one.close();
    expect(await health()).to.include({ state: "ok", reason: null, since: T0 + 3_000 });
    // Each change has a line, in the log of the process that noticed it.
    expect(lines).to.deep.equal([
      ["push credential changed its state", "refused"],
      ["push credential changed its state", "ok"],
    ]);
  });

  it("is corrected by a process that knows better from before, and not by one that knows less", async () => {
    const { put, health, aProcess } = await watched();
    const row = await put(T0);
    const [working, mistaken] = [aProcess(row), aProcess(row)];
    working.follow({ seen: ok(T0 + 5_000) });
    mistaken.saw(refused(T0 + 1_000));
    await mistaken.close();
    working.known(await health());
    await working.close();
    expect(await health()).to.include({ state: "ok" });
    mistaken.follow({ seen: refused(T0 + 1_000) });
    mistaken.known(await health());
    await mistaken.close();
    expect(await health()).to.include({ state: "ok" });
  });

  it("says nothing of a credential that was put since, however late it comes", async () => {
    const { put, health, aProcess } = await watched();
    const former = aProcess(await put(T0));
    await put(T0 + 1_000);
    former.saw(refused(T0 + 2_000));
    await former.close();
    expect(await health()).to.equal(null);
  });

  it("lets what waits go on when a refused credential is taken again, and for nothing else", async () => {
    const { put, recovered, aProcess } = await watched();
    const row = await put(T0);
    const one = aProcess(row);
    for (const seen of [ok(T0 + 1), { ...ok(T0 + 2), state: "paused" as const }, ok(T0 + 3)]) {
      one.saw(seen);
      await one.close();
    }
    expect(recovered).to.deep.equal([]);
    one.saw(refused(T0 + 4));
    await one.close();
    one.saw(ok(T0 + 5));
    await one.close();
    expect(recovered).to.deep.equal([row.credentialId]);
  });

  it("is written as it stands, however often it changes", async () => {
    const { put } = await watched();
    const row = await put(T0);
    let writes = 0;
    const { credentials } = stores;
    const counting = {
      note: (...noted: Parameters<typeof credentials.note>) => {
        writes += 1;
        return credentials.note(...noted);
      },
    };
    const one = credentialWatch(row, { credentials: counting, onRecovered: async () => undefined, log: silentLogger });
    one.saw(refused(T0 + 1));
    await eventually(() => writes, 1);
    for (let change = 2; change < 1_000; change += 1)
      one.saw(change % 2 === 0 ? ok(T0 + change) : refused(T0 + change));
    one.saw(ok(T0 + 1_000));
    await one.close();
    expect(writes).to.equal(2);
    expect((await stores.credentials.find(row.app, row.credentialId))?.health).to.include({
      state: "ok",
      at: T0 + 1_000,
    });
  });

  it("ends a pause by itself", () => {
    const paused = { state: "paused" as const, reason: "QUOTA_EXCEEDED", retryAt: T0 + 1_000, at: T0, since: T0 };
    expect(healthAt(paused, T0 + 999)).to.equal(paused);
    expect(healthAt(paused, T0 + 1_000)).to.include({ state: "ok", reason: null, retryAt: null, since: T0 + 1_000 });
    const isRefused = { ...paused, state: "refused" as const, retryAt: null };
    expect(healthAt(isRefused, T0 + 1_000_000)).to.equal(isRefused);
  });
});
