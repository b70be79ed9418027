import { defineQuery } from "@strata/contracts";
import { expect } from "chai";
import { z } from "zod";
import { replyReader } from "./trusted-replies.ts";

const aQuery = (isReplyTrusted: boolean) =>
  defineQuery({
    service: "conversation",
    name: "List",
    version: 1,
    isReplyTrusted,
    payload: z.object({}),
    reply: z.object({ rows: z.array(z.string()) }),
  });

/** Which of so many replies that do not fit were refused, counting from 1. */
function refusedOf(count: number, isReplyTrusted: boolean): readonly number[] {
  const [read, query] = [replyReader(), aQuery(isReplyTrusted)];
  return Array.from({ length: count }, (_, index) => index + 1).filter((n) => {
    try {
      read(query, { rows: [n] });
      return false;
    } catch (error) {
      return error instanceof z.ZodError;
    }
  });
}

describe("replyReader", () => {
  it("refuses every reply that does not fit", () => {
    expect(refusedOf(250, false)).to.have.length(250);
  });

  it("takes replies of a trusted query as they come, all but the first hundred and one in a hundred", () => {
    const firstHundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(refusedOf(350, true)).to.deep.equal([...firstHundred, 200, 300]);
    expect(replyReader()(aQuery(true), { rows: ["a"] })).to.deep.equal({ rows: ["a"] });
  });
});
