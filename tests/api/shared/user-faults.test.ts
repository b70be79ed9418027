import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, list, member } from "../support/api-client.ts";
import { tracesOf } from "../support/user-traces.ts";
import { linesOf } from "../support/whole-user.ts";
import { openWorld, type Platform, startPlatform } from "../support/world.ts";

/** As much of a body as comes, and whether it broke off. */
async function readUntilItBreaks(response: Response): Promise<{ readonly text: string; readonly isCutOff: boolean }> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const bytes of response.body ?? []) text += decoder.decode(bytes, { stream: true });
    return { text, isCutOff: false };
  } catch {
    return { text, isCutOff: true };
  }
}

/** A platform of its own, for its services are killed. */
describe("the export and the deletion of a user, where services die", function faults() {
  this.timeout(120_000);
  let platform: Platform;
  before(async () => {
    platform = await startPlatform("user-faults");
  });
  after(() => platform[Symbol.asyncDispose]());

  it("a deletion is reported once and whole where a service that removes is killed meanwhile", async () => {
    const app = await openWorld(platform);
    const [ann = ""] = await app.users(1);
    for (let made = 0; made < 30; made += 1) await app.conversation([ann], { distinct: false });
    expectStatus(await app.api("DELETE", `/users/${ann}`), 202);
    await platform.killAndRestart("conversation");
    const report = async () => expectStatus(await app.api("GET", `/users/${ann}/deletion`), 200).json;
    await eventually(async () => member(await report(), "state"), "complete", { deadlineMs: 60_000 });
    const counts = list(member(await report(), "removed")).find((one) => member(one, "service") === "conversation");
    expect(member(member(counts, "counts"), "memberships")).to.equal(30);
    await eventually(async () => (await tracesOf(platform, ann)).includes("conversation/memberships"), false);
  });

  it("an export is cut off, without an end, where a service does not answer in the middle; 503 before it begins", async () => {
    const app = await openWorld(platform);
    const [ann = ""] = await app.users(1);
    const whole = expectStatus(await app.api("GET", `/users/${ann}/export`), 200).text;
    expect(member(linesOf(whole).at(-1), "type")).to.equal("end");
    await platform.service("receipt-tracking").kill("SIGKILL");
    const url = `${platform.baseUrl}/apps/${app.appId}/users/${ann}/export`;
    const headers = { Accept: "application/vnd.layer+json; version=3.0", Authorization: `Bearer ${app.token}` };
    const response = await fetch(url, { headers });
    expect(response.status).to.equal(200);
    const { text, isCutOff } = await readUntilItBreaks(response);
    expect(isCutOff).to.equal(true);
    expect(text).to.include('{"type":"header"').and.include('"type":"identity"').and.not.include('"type":"end"');
    await platform.service("directory").kill("SIGKILL");
    expectError(await app.api("GET", `/users/${ann}/export`), "service_unavailable");
  });
});
