import type { RecipientState } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { expect } from "chai";
import { asCsv, asNdjson, csvField } from "./recipient-lines.ts";

const wire = { version: "3.0", baseUrl: "https://api.example", appId: "A" } as const;
const ann: RecipientState = {
  userId: "ann",
  status: "read",
  deliveredAt: null,
  readAt: 0,
  openedAt: null,
  deletedAt: null,
};
const tricky: RecipientState = { ...ann, userId: '=1+"x",\n' };

async function* pages(...some: readonly (readonly RecipientState[])[]): AsyncGenerator<readonly RecipientState[]> {
  yield* some;
}

async function* broken(): AsyncGenerator<readonly RecipientState[]> {
  yield [ann];
  throw new DomainError("service_unavailable", {});
}

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

describe("recipients as lines", () => {
  it("are an object each in NDJSON", async () => {
    const lines = (await textOf(asNdjson(wire, pages([ann], [], [tricky])))).split("\n");
    expect(lines.pop()).to.equal("");
    const rows: unknown[] = lines.map((line) => JSON.parse(line) as unknown);
    expect(rows).to.have.lengthOf(2);
    expect(rows[0]).to.deep.include({ user_id: "ann", status: "read", read_at: "1970-01-01T00:00:00.000Z" });
    expect(rows[1]).to.have.property("user_id", tricky.userId);
  });

  it("end in NDJSON with a line that says so when they break off", async () => {
    const lines = (await textOf(asNdjson(wire, broken()))).trimEnd().split("\n");
    expect(lines).to.have.lengthOf(2);
    expect(JSON.parse(lines[1] ?? "")).to.have.nested.property("error.id", "service_unavailable");
  });

  it("are rows under a header in CSV, with nothing in them that a spreadsheet would carry out", async () => {
    const text = await textOf(asCsv(wire, pages([ann], [tricky])));
    expect(text).to.equal(
      "recipient,user_id,status,delivered_at,read_at,opened_at,deleted_at\r\n" +
        "layer:///identities/ann,ann,read,,1970-01-01T00:00:00.000Z,,\r\n" +
        `layer:///identities/${encodeURIComponent(tricky.userId)},"'=1+""x"",\n",read,,1970-01-01T00:00:00.000Z,,\r\n`,
    );
    expect(["+1", "-1", "@x", "\tx", "a=b"].map(csvField)).to.deep.equal(["'+1", "'-1", "'@x", "'\tx", "a=b"]);
  });

  it("break off in CSV with what broke them off, so that the connection does", async () => {
    const failure = await textOf(asCsv(wire, broken())).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(DomainError);
  });
});
