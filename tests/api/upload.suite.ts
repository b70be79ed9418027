import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { expectError, expectStatus, list, member } from "./support/api-client.ts";
import { identityId, textPart, type World } from "./support/world.ts";

/** An extension: recipients that are uploaded, and what would become of an announcement. */
export function uploads(world: () => World): void {
  const announcement = (id: string, rest = "") => `/announcements/${id}${rest}`;

  describe("an announcement whose recipients are uploaded", () => {
    it("reaches each of them once, however often and in whatever pieces they are named", async () => {
      const { api, platform, appId, token } = world();
      const users = await world().users(3);
      const [sender = ""] = users;
      const id = randomUUID();
      const body = { recipients_upload: true, sender_id: identityId(sender), parts: [textPart("for all of you")] };
      expectStatus(await api("POST", "/announcements", { body, headers: { "If-None-Match": id } }), 202);
      const put = (lines: readonly unknown[]) =>
        fetch(`${platform.baseUrl}/apps/${appId}${announcement(id, "/recipients")}`, {
          method: "PUT",
          headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/x-ndjson" },
          body: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
        });
      const nobody = world().newUserId();
      expect((await put([users[0], users[1], nobody])).status).to.equal(200);
      expect((await put([{ user_id: users[1] }, identityId(String(users[2]))])).status).to.equal(200);
      const started = expectStatus(await api("POST", announcement(id, "/start")), 202);
      expect(member(started.json, "recipients")).to.equal(4);
      const counts = async () => member((await api("GET", announcement(id))).json, "counts");
      await eventually(async () => member(await counts(), "sent"), 3);
      expect(await counts()).to.deep.include({ recipients: 4, unknown: 1, sent: 3 });
      for (const user of users) {
        const inbox = list(expectStatus(await api("GET", `/users/${user}/announcements`), 200).json);
        expect(inbox.filter((entry) => String(member(entry, "id")).endsWith(id))).to.have.length(1);
      }
      expect((await put([users[0]])).status).to.equal(409);
    });
  });

  describe("the preview of an announcement", () => {
    it("counts, shows a sample, measures the pushes, and names who is left out", async () => {
      const { api } = world();
      const [ann = "", bob = ""] = await world().users(2);
      const nobody = world().newUserId();
      const body = {
        recipients: [ann, bob, nobody].map(identityId),
        sender_id: identityId(ann),
        parts: [textPart("soon")],
        notification: { text: "soon" },
      };
      const { json } = expectStatus(await api("POST", "/announcements/preview", { body }), 200);
      expect(json).to.deep.include({ count: 3, is_exact: true, looked_at: 3 });
      expect(json).to.have.nested.property("payload_sizes.apns.fits", true);
      expect(member(json, "left_out")).to.deep.equal([
        { reason: "unknown_user", from: "inbox", count: 1, users: [identityId(nobody)] },
        { reason: "no_device", from: "push", count: 2, users: [ann, bob].map(identityId) },
      ]);
      const wrong = { ...body, parts: [] };
      expectError(await api("POST", "/announcements/preview", { body: wrong }), "missing_property", "parts");
    });
  });
}
