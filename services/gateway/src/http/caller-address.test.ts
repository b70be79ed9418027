import { expect } from "chai";
import { networkOf } from "./caller-address.ts";
import { withoutDoubledBase } from "./doubled-base.ts";

describe("networkOf", () => {
  it("is the address of IPv4, also where it is written as IPv6", () => {
    expect(networkOf("192.0.2.1")).to.equal("192.0.2.1");
    expect(networkOf("::ffff:192.0.2.1")).to.equal("192.0.2.1");
  });

  it("is the first half of IPv6, however it is written", () => {
    for (const address of ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", "2001:0DB8:1:2::9", "2001:db8:1:2::9%eth0"]) {
      expect(networkOf(address), address).to.equal("2001:db8:1:2::/64");
    }
    expect(networkOf("::1")).to.equal("0:0:0:0::/64");
    expect(networkOf("2001:db8::2:0:0:1")).to.equal("2001:db8:0:0::/64");
  });
});

describe("withoutDoubledBase", () => {
  it("keeps what follows the last base, with the query, and leaves all else alone", () => {
    expect(withoutDoubledBase("/http://h:1/identities/ann?a=1", "")).to.equal("/identities/ann?a=1");
    expect(withoutDoubledBase("/conversations/1http://h/conversations/1", "")).to.equal("/conversations/1");
    expect(withoutDoubledBase("/https://h/client/identities/ann", "/client")).to.equal("/identities/ann");
    for (const url of [
      "/identities/ann",
      "/a?b=/http://h/c",
      "http://h/identities/ann",
      "/identities/http%3A%2F%2Fh",
    ]) {
      expect(withoutDoubledBase(url, ""), url).to.equal(url);
    }
  });

  it("does not lead to what is for backends", () => {
    for (const path of ["/apps/1", "/accounts/apps", "/docs", "/openapi.json", "/content/ticket", ""]) {
      expect(withoutDoubledBase(`/x/http://h${path}`, "")).to.equal(`/x/http://h${path}`);
    }
  });
});
