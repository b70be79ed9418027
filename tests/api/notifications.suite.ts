import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { BARE, expectError, expectStatus, list, member, VERSIONS } from "./support/api-client.ts";
import { userRef, type World } from "./support/world.ts";

/** Push without a message (9.1), and what any notification may be (9.2). */
export function notifications(world: () => World): void {
  const push = (body: unknown, options: object = {}) => world().api("POST", "/notifications", { body, ...options });
  const shown = async (location: string | null) => {
    const path = String(location).replace(world().base, "");
    return expectStatus(await world().api("GET", path), 200).json;
  };

  describe("POST /notifications", () => {
    it("is accepted without a body in every version, and in no inbox", async () => {
      const [ann = ""] = await world().users(1);
      for (const version of VERSIONS) {
        const recipients = [userRef(version, ann), userRef(version, "nobody")];
        const overrides = [version.startsWith("1.") ? { user_id: ann } : { recipient: userRef(version, ann) }];
        const reply = await push({ recipients, notification: { text: "x", recipients: overrides } }, { version });
        expect([reply.status, reply.text], version).to.deep.equal([202, ""]);
        const location = reply.headers.get("location");
        await eventually(async () => member(await shown(location), "state"), "distributed");
        expect(member(await shown(location), "counts")).to.include({ recipients: 2, pushed: 0, failed: 0 });
      }
      const inbox = expectStatus(await world().api("GET", `/users/${ann}/announcements`), 200);
      expect(list(inbox.json)).to.deep.equal([]);
    });

    it("takes both forms of overrides in every version", async () => {
      for (const version of VERSIONS) {
        for (const recipients of [{ ann: { text: "you" } }, [{ user_id: "ann", text: "you" }]]) {
          expectStatus(await push({ recipients: ["ann"], notification: { recipients } }, { version }), 202);
        }
      }
    });

    it("refuses what is missing, and what names nobody", async () => {
      expectError(await push({ notification: { text: "x" } }), "missing_property", "recipients");
      expectError(await push({ recipients: ["ann"] }), "missing_property", "notification");
      for (const bad of ["everyone", [], [7], [""]]) {
        expectError(await push({ recipients: bad, notification: {} }), "invalid_property", "recipients");
      }
      const uri = { recipients: ["layer:///conversations/x"], notification: {} };
      expectError(await push(uri), "invalid_property", "recipients");
      for (const version of BARE) expectStatus(await push(uri, { version }), 202);
    });

    it("happens once under one id or key", async () => {
      const body = { recipients: ["ann"], notification: { text: "x" } };
      const id = randomUUID();
      const first = expectStatus(await push(body, { id }), 202);
      await eventually(async () => member(await shown(first.headers.get("location")), "state"), "distributed");
      expectError(await push(body, { id }), "id_in_use");
      const headers = { "Idempotency-Key": randomUUID() };
      const [once, again] = [await push(body, { headers }), await push(body, { headers })];
      expect([once.status, again.status]).to.deep.equal([202, 202]);
      expect(again.headers.get("location")).to.equal(once.headers.get("location"));
      expectError(await push({ ...body, recipients: ["bob"] }, { headers }), "invalid_operation");
    });
  });
}
