import { expect } from "chai";
import type { PushResult } from "./push-provider.ts";
import { TokenTrust } from "./token-trust.ts";

describe("the trust in what a provider says of tokens", () => {
  let trust: TokenTrust;
  beforeEach(() => {
    trust = new TokenTrust();
  });

  const taken = (count: number) => Array.from({ length: count }, () => trust.taken("id"));
  const malformed = (count: number) => Array.from({ length: count }, () => trust.malformed("BadDeviceToken"));
  const gone = (count: number) => Array.from({ length: count }, () => trust.gone("UNREGISTERED", null));
  /** What becomes of all that one send was told, by kind. */
  const reviewed = (...results: readonly PushResult[][]) => [
    ...new Set(trust.review(results.flat()).map(({ kind }) => kind)),
  ];

  it("is there for few bad tokens among many good ones, in whatever order they are told", () => {
    expect(reviewed(taken(180), malformed(20))).to.deep.equal(["accepted", "token-dead"]);
    trust = new TokenTrust();
    expect(reviewed(malformed(19), taken(181))).to.deep.equal(["token-dead", "accepted"]);
  });

  it("is not there for malformed tokens before any push was taken", () => {
    expect(reviewed(malformed(1))).to.deep.equal(["rejected"]);
    taken(1);
    expect(reviewed(malformed(1))).to.deep.equal(["token-dead"]);
  });

  it("ends for a send that calls a third of its tokens malformed, of those that it told first, too", () => {
    taken(200);
    expect(reviewed(malformed(2))).to.deep.equal(["token-dead"]);
    expect(reviewed(malformed(3), taken(6))).to.deep.equal(["rejected", "accepted"]);
    expect(reviewed(malformed(3), taken(8))).to.deep.equal(["token-dead", "accepted"]);
  });

  it("ends with the lane when very many were called malformed lately, though each send had one", () => {
    taken(30);
    const kinds = Array.from({ length: 40 }, () => reviewed(malformed(1))[0]);
    expect(kinds.slice(0, 19)).to.deep.equal(Array.from({ length: 19 }, () => "token-dead"));
    expect(kinds.slice(19)).to.deep.equal(Array.from({ length: 21 }, () => "credential-refused"));
    taken(200);
    expect(reviewed(malformed(1))).to.deep.equal(["token-dead"]);
  });

  it("bears that most of a send's tokens are gone, and not nearly all of them", () => {
    expect(reviewed(gone(50), taken(10))).to.deep.equal(["token-dead", "accepted"]);
    trust = new TokenTrust();
    expect(reviewed(gone(9))).to.deep.equal(["token-dead"]);
    trust = new TokenTrust();
    expect(reviewed(gone(90), taken(10))).to.deep.equal(["rejected", "accepted"]);
    trust = new TokenTrust();
    const kinds = Array.from({ length: 25 }, () => reviewed(gone(1))[0]);
    expect(kinds.indexOf("rejected")).to.equal(19);
  });

  it("is no concern of results that speak of no token", () => {
    const others: PushResult[] = [{ kind: "rejected", reason: "payload_too_large" }];
    expect(trust.review(others)).to.deep.equal(others);
  });
});
