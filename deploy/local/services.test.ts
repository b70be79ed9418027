import { expect } from "chai";
import { portBase, portsFrom } from "./ports.mjs";
import { serviceEnv, serviceNames } from "./services.mjs";

describe("services on one machine", () => {
  it("listen for this machine alone, each of them: webhooks may lead to local addresses here", () => {
    const key = Buffer.alloc(32).toString("base64");
    const surroundings = {
      ports: portsFrom(portBase("start", {})),
      urls: {
        AMQP_URL: "amqp://127.0.0.1",
        AMQP_MANAGEMENT_URL: "http://127.0.0.1",
        MONGO_URL: "mongodb://127.0.0.1/?replicaSet=rs",
        REDIS_URL: "redis://127.0.0.1",
      },
      accountToken: "",
      credentialsKey: key,
      contentKey: key,
      nonceKey: key,
      signingKey: key,
      phoneDir: "/nowhere",
    };
    const hosts = serviceNames.map((name) => serviceEnv(name, surroundings)["LISTEN_HOST"]);
    expect(hosts).to.deep.equal(serviceNames.map(() => "127.0.0.1"));
  });
});
