import { eventually } from "@strata/testing";
import { expect } from "chai";
import { type AccountClient, accountClient, anotherAccount, newApp } from "../support/account-client.ts";
import { expectError, expectStatus } from "../support/api-client.ts";
import { identityId, openWorld, textPart } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

describe("the usage of an app", function usage() {
  this.timeout(60_000);
  let send: AccountClient;
  before(async () => {
    send = accountClient(await apiPlatform());
  });

  it("is what was sent on each day and by how many, of that app alone", async () => {
    const world = await openWorld(await apiPlatform());
    const [ann = "", bob = ""] = await world.users(2);
    const conversation = await world.conversation([ann, bob]);
    for (const text of ["1", "2", "3"]) await world.message(conversation, ann, text);
    const body = { recipients: [ann, bob].map(identityId), sender_id: identityId(ann), parts: [textPart("x")] };
    expectStatus(await world.api("POST", "/announcements", { body }), 202);
    const total = { messages: 3, announcements: 1, announcements_sent: 2 };
    const ask = async () => expectStatus(await send("GET", `/accounts/apps/${world.appId}/usage`), 200).json;
    await eventually(async () => JSON.stringify((await ask()) ?? null).includes(JSON.stringify(total)), true, {
      deadlineMs: 30_000,
    });
    expect(await ask())
      .to.have.nested.property("days[0].active_users")
      .that.is.at.least(1);
    const other = await newApp(send);
    expect(expectStatus(await send("GET", `/accounts/apps/${other}/usage`), 200).json).to.deep.equal({
      days: [],
      total: { messages: 0, announcements: 0, announcements_sent: 0 },
    });
    // The account sees it of what lets nobody in, too.
    expectStatus(await send("POST", `/accounts/apps/${world.appId}/suspend`), 200);
    expect(await ask()).to.deep.include({ total });
  });

  it("is nothing to another account, and says what cannot be asked", async () => {
    const app = await newApp(send);
    const { token } = await anotherAccount(await apiPlatform());
    expectError(await send("GET", `/accounts/apps/${app}/usage`, { token }), "not_found");
    for (const query of [
      "from=yesterday",
      "from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z",
      "from=2000-01-01T00:00:00Z",
    ]) {
      expectError(await send("GET", `/accounts/apps/${app}/usage?${query}`), "invalid_property");
    }
  });
});
