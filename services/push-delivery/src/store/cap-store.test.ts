import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { openStores } from "../../test/support.ts";
import { userKey } from "../domain/device.ts";

const HOUR_MS = 3_600_000;

interface Row {
  readonly _id: string;
  readonly taken: readonly { readonly subject: string; readonly category: string; readonly at: number }[];
  readonly removeAt: Date;
}

describe("places under a cap", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("cap-store");
  });
  after(() => stores[Symbol.asyncDispose]());

  const rows = () => stores.db.collection<Row>("push_caps");
  const users = [{ userId: "ann", category: "news", categoryCap: null }];
  const take = async (app: string, subject: string, pushes: number, now: number) => {
    const asked = { app, subject, users, all: { pushes, hours: 1 }, now, keptMs: HOUR_MS };
    return (await stores.caps.take(asked)).get("ann");
  };

  it("go with their row once none of them counts any more", async () => {
    const app = anAppId();
    await take(app, "a", 5, 1_000);
    // It has its place.
    await take(app, "a", 5, 1_500);
    await take(app, "b", 5, 2_000);
    const row = await rows().findOne({ _id: userKey(app, "ann") });
    expect(row?.taken.map(({ subject }) => subject)).to.deep.equal(["a", "b"]);
    expect(row?.removeAt).to.deep.equal(new Date(2_000 + HOUR_MS));
    const indexes = await rows().indexes();
    expect(indexes.find(({ key }) => "removeAt" in key)).to.have.property("expireAfterSeconds", 0);
  });

  it("are remembered up to 5,000 of a user, the latest of them", async () => {
    const app = anAppId();
    const taken = Array.from({ length: 5_000 }, (_, n) => ({ subject: `s${n}`, category: "news", at: 1_000 + n }));
    await rows().insertOne({ _id: userKey(app, "ann"), taken, removeAt: new Date(Date.now() + HOUR_MS) });
    expect(await take(app, "last", 10_000, 7_000)).to.include({ hasPlace: true });
    const row = await rows().findOne({ _id: userKey(app, "ann") });
    expect(row?.taken).to.have.lengthOf(5_000);
    expect([row?.taken[0]?.subject, row?.taken.at(-1)?.subject]).to.deep.equal(["s1", "last"]);
  });

  it("are given to a new user of whom many pushes ask at once, one each", async () => {
    const app = anAppId();
    const subjects = Array.from({ length: 30 }, (_, n) => `s${n}`);
    const places = await Promise.all(subjects.map((subject) => take(app, subject, 7, 1_000)));
    expect(places.filter((place) => place?.hasPlace)).to.have.lengthOf(7);
    for (const place of places)
      expect(place?.hasPlace === true || place?.all?.freeAt === 1_000 + HOUR_MS).to.equal(true);
  });
});
