import { expect } from "chai";
import { chooseSource, urlsFrom, withDatabase } from "./source.mjs";

const urls = {
  AMQP_URL: "amqp://broker",
  AMQP_MANAGEMENT_URL: "http://broker:15672",
  MONGO_URL: "mongodb://store/?replicaSet=rs",
  REDIS_URL: "redis://cache",
};
const answering = async () => true;
const silent = async () => false;

describe("where the stack comes from", () => {
  it("takes the addresses of the environment, even where a container engine runs", async () => {
    expect(await chooseSource({ env: urls, engineAnswers: answering })).to.equal("environment");
    expect(urlsFrom({ ...urls, HOME: "/" })).to.deep.equal(urls);
  });

  it("takes containers where an engine answers, and this machine's servers where only its client is installed", async () => {
    expect(await chooseSource({ env: {}, engineAnswers: answering })).to.equal("containers");
    expect(await chooseSource({ env: {}, engineAnswers: silent })).to.equal("servers");
  });

  it("refuses a part of the addresses and names the missing one, instead of mixing two stacks", () => {
    expect(() => urlsFrom({ ...urls, REDIS_URL: "" })).to.throw(/not REDIS_URL/);
  });

  for (const [given, expected] of [
    ["mongodb://127.0.0.1:7415/?replicaSet=strata", "mongodb://127.0.0.1:7415/strata_directory?replicaSet=strata"],
    ["mongodb://a:1,b:2/old?replicaSet=rs", "mongodb://a:1,b:2/strata_directory?replicaSet=rs"],
    ["mongodb+srv://user:pass@cluster", "mongodb+srv://user:pass@cluster/strata_directory"],
  ] as const) {
    it(`gives a service its own database in ${given}`, () => {
      expect(withDatabase(given, "strata_directory")).to.equal(expected);
    });
  }
});
