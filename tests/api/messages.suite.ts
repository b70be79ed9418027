import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import {
  BARE,
  expectError,
  expectStatus,
  idsOf,
  list,
  member,
  timeless,
  URIS,
  uuidOf,
  type Version,
  VERSIONS,
} from "./support/api-client.ts";
import { basic, identityId, senderOf, textPart, userRef, type World } from "./support/world.ts";

const base64 = (bytes: readonly number[]): string => Buffer.from(bytes).toString("base64");

/** Section 7 but for parts, and 4.4, 4.5. */
export function messages(world: () => World): void {
  describe("messages (section 7)", () => {
    let [ann, bob]: [string, string] = ["", ""];
    let conversation: string;
    before(async () => {
      [ann = "", bob = ""] = await world().users(2);
    });
    beforeEach(async () => {
      conversation = await world().conversation([ann, bob]);
    });
    const at = (suffix = ""): string => `/conversations/${conversation}/messages${suffix}`;
    const send = (body: unknown, options: object = {}) => world().api("POST", at(), { body, ...options });
    const read = (id: string, version: Version = "3.0") => world().api("GET", at(`/${id}`), { version });
    const bodies = async (): Promise<readonly unknown[]> =>
      list((await world().api("GET", at())).json)
        .map((row) => member(list(member(row, "parts"))[0], "body"))
        .toReversed();

    it("answers a 1.0 send in the recorded slim form", async () => {
      const id = randomUUID();
      const body = { sender: { user_id: ann }, parts: [textPart("hi")] };
      const reply = expectStatus(await send(body, { id, version: "1.0" }), 201);
      expect(timeless(reply.json)).to.deep.equal({
        id: `layer:///messages/${id}`,
        url: `${world().base}/messages/${id}`,
        conversation: {
          id: `layer:///conversations/${conversation}`,
          url: `${world().base}/conversations/${conversation}`,
        },
        sent_at: "<time>",
        sender: { user_id: ann },
        recipient_status: { [ann]: "read", [bob]: "sent" },
        parts: [{ mime_type: "text/plain", body: "hi" }],
      });
    });

    it("answers a 3.0 send in the recorded slim form", async () => {
      const id = randomUUID();
      const reply = expectStatus(await send({ sender_id: identityId(ann), parts: [textPart("hi")] }, { id }), 201);
      const json = timeless(reply.json);
      const [part] = list(member(json, "parts"));
      expect(json).to.deep.equal({
        id: `layer:///messages/${id}`,
        url: `${world().base}/conversations/${conversation}/messages/${id}`,
        conversation: {
          id: `layer:///conversations/${conversation}`,
          url: `${world().base}/conversations/${conversation}`,
        },
        channel: null,
        sent_at: "<time>",
        sender: basic(world().base, ann),
        recipient_status: { [identityId(ann)]: "read", [identityId(bob)]: "sent" },
        parts: [{ id: member(part, "id"), mime_type: "text/plain", body: "hi", encoding: null, content: null }],
      });
      expect(member(part, "id")).to.match(new RegExp(`^layer:///messages/${id}/parts/[0-9a-f-]{36}$`));
    });

    for (const version of VERSIONS) {
      it(`shows a message in version ${version} as its system view has it`, async () => {
        const id = randomUUID();
        const isBare = BARE.includes(version);
        const parts = [textPart("one"), { mime_type: "application/x", body: base64([0xff, 0xfe]), encoding: "base64" }];
        expectStatus(await send({ ...senderOf(version, ann), parts }, { id, version }), 201);
        const url = `${world().base}/conversations/${conversation}/messages/${id}`;
        const json = timeless(expectStatus(await read(id, version), 200).json);
        const partIds = list(member(json, "parts")).map((part) => String(member(part, "id")));
        const ofPart = (index: number) =>
          version === "3.0"
            ? { url: `${url}/parts/${partIds[index]?.split("/").at(-1)}`, message_url: url, updated_at: null }
            : {};
        expect(json).to.deep.equal({
          id: `layer:///messages/${id}`,
          url,
          conversation: {
            id: `layer:///conversations/${conversation}`,
            url: `${world().base}/conversations/${conversation}`,
          },
          receipts_url: null,
          position: isBare ? null : 2 ** 20,
          parts: [
            { id: partIds[0], mime_type: "text/plain", body: "one", encoding: null, content: null, ...ofPart(0) },
            {
              id: partIds[1],
              mime_type: "application/x",
              body: base64([0xff, 0xfe]),
              encoding: "base64",
              content: null,
              ...ofPart(1),
            },
          ],
          sent_at: "<time>",
          received_at: null,
          is_unread: null,
          sender: isBare ? { user_id: ann, name: null } : basic(world().base, ann),
          recipient_status: { [userRef(version, ann)]: "read", [userRef(version, bob)]: "sent" },
          notification: null,
          ...(isBare ? {} : { reply_to: null, updated_at: null }),
        });
        if (version !== "3.0") {
          expect(partIds).to.deep.equal([0, 1].map((index) => `layer:///messages/${id}/parts/${index}`));
        }
      });
    }

    it("lets a 1.x backend speak under a name, to whom all participants are recipients", async () => {
      for (const version of BARE) {
        const id = randomUUID();
        const body = { sender: { name: "Score Bot" }, parts: [textPart("1:0")] };
        expectStatus(await send(body, { id, version }), 201);
        const { json } = await read(id, version);
        expect(member(json, "sender")).to.deep.equal({ user_id: null, name: "Score Bot" });
        expect(member(json, "recipient_status")).to.deep.equal({ [ann]: "sent", [bob]: "sent" });
        const newer = await read(id, "3.0");
        expect(member(member(newer.json, "sender"), "display_name")).to.equal("Score Bot");
      }
    });

    it("lets any identity speak in 2.0 and later: how a backend injects a card of several parts of any type", async () => {
      const bot = world().newUserId();
      await world().api("POST", `/users/${bot}/identity`, {
        body: { display_name: `Name ${bot}`, identity_type: "bot" },
      });
      for (const version of URIS) {
        const parts = [
          { mime_type: "application/vnd.shop.order+json; role=root", body: '{"order":7}' },
          { mime_type: "image/png", body: base64([0x89, 0x50, 0x4e, 0x47, 0xff]), encoding: "base64" },
        ];
        const reply = expectStatus(await send({ sender_id: identityId(bot), parts }, { version }), 201);
        const { json } = await read(uuidOf(reply.json), version);
        expect(member(json, "sender")).to.deep.equal(basic(world().base, bot));
        expect(list(member(json, "parts")).map((part) => member(part, "mime_type"))).to.deep.equal(
          parts.map((part) => part.mime_type),
        );
        expect(member(json, "recipient_status")).to.deep.equal({
          [identityId(ann)]: "sent",
          [identityId(bob)]: "sent",
        });
      }
    });

    it("names what is missing or wrong in a send", async () => {
      const parts = [textPart("x")];
      for (const version of BARE) {
        expectError(await send({}, { version }), "missing_property", "sender");
        expectError(await send({ parts }, { version }), "missing_property", "sender");
        expectError(await send({ sender: {}, parts }, { version }), "missing_property", "sender");
        const both = { user_id: ann, name: "x" };
        expectError(await send({ sender: both, parts }, { version }), "invalid_property", "sender");
        expectError(await send({ sender: { user_id: ann } }, { version }), "missing_property", "parts");
        const stranger = { user_id: world().newUserId() };
        expectError(await send({ sender: stranger, parts }, { version }), "invalid_property");
      }
      for (const version of URIS) {
        expectError(await send({ parts }, { version }), "missing_property", "sender_id");
        const nobody = { sender_id: identityId(world().newUserId()), parts };
        expectError(await send(nobody, { version }), "invalid_property", "sender_id");
        expectError(await send({ sender_id: identityId(ann) }, { version }), "missing_property", "parts");
        for (const [wrong, id, property] of [
          [[], "missing_property", "parts"],
          [[{ body: "x" }], "missing_property", "parts.mime_type"],
          ["x", "invalid_property", "parts"],
          [[{ mime_type: "a/b", body: "x".repeat(2_049) }], "invalid_property", "parts.body"],
          [[{ mime_type: "a/b", body: "%%", encoding: "base64" }], "invalid_property", "parts.encoding"],
          [[{ mime_type: "a/b", body: "x", encoding: "rot13" }], "invalid_property", "parts.encoding"],
        ] as const) {
          expectError(await send({ sender_id: identityId(ann), parts: wrong }, { version }), id, property);
        }
      }
    });

    it("measures an inline part by its decoded bytes: 2,048 and no more", async () => {
      const sendPart = (part: object) => send({ sender_id: identityId(ann), parts: [{ mime_type: "a/b", ...part }] });
      const bytes = Array<number>(2_048).fill(0xff);
      expectStatus(await sendPart({ body: base64(bytes), encoding: "base64" }), 201);
      expectError(
        await sendPart({ body: base64([...bytes, 1]), encoding: "base64" }),
        "invalid_property",
        "parts.body",
      );
      expectError(await sendPart({ body: "ü".repeat(1_025) }), "invalid_property", "parts.body");
    });

    it("takes a thousand parts and no more", async () => {
      const parts = Array.from({ length: 1_001 }, () => textPart("x"));
      expectError(await send({ sender_id: identityId(ann), parts }), "invalid_property", "parts");
      expectStatus(await send({ sender_id: identityId(ann), parts: parts.slice(1) }), 201);
    });

    it("decodes base64 that is text, and keeps what is not", async () => {
      const parts = [
        { mime_type: "text/plain", body: Buffer.from("grüße").toString("base64"), encoding: "base64" },
        { mime_type: "a/b", body: base64([0xc3, 0x28]), encoding: "base64" },
      ];
      const { json } = await read(uuidOf((await send({ sender_id: identityId(ann), parts })).json));
      expect(list(member(json, "parts")).map((part) => [member(part, "body"), member(part, "encoding")])).to.deep.equal(
        [
          ["grüße", null],
          [base64([0xc3, 0x28]), "base64"],
        ],
      );
    });

    it("sends once under one id, and says in each version what it sent", async () => {
      const id = randomUUID();
      const body = { sender_id: identityId(ann), parts: [textPart("once")] };
      expectStatus(await send(body, { id }), 201);
      for (const version of VERSIONS) {
        const again = await send({ ...senderOf(version, ann), parts: [textPart("twice")] }, { id, version });
        expectError(again, "id_in_use");
        expect(member(again.json, "data")).to.deep.equal((await read(id, version)).json);
      }
      expect(await bodies()).to.deep.equal(["once"]);
    });

    it("accepts a notification with it, which no read shows", async () => {
      const notification = { title: "t", text: "x", recipients: [{ recipient: identityId(bob), text: "for bob" }] };
      const reply = await send({ sender_id: identityId(ann), parts: [textPart("x")], notification });
      expect(member((await read(uuidOf(expectStatus(reply, 201).json))).json, "notification")).to.equal(null);
      const wrong = { sender_id: identityId(ann), parts: [textPart("x")], notification: "ding" };
      expectError(await send(wrong), "invalid_property", "notification");
    });

    it("lists newest first, in pages, with Layer-Count on each", async () => {
      for (let n = 0; n < 5; n += 1) await world().message(conversation, ann, `m${n}`);
      const page = async (query: string) => {
        const reply = expectStatus(await world().api("GET", at(`?${query}`)), 200);
        expect(reply.headers.get("layer-count")).to.equal("5");
        return reply.json;
      };
      const first = await page("page_size=2");
      const all = await page("");
      expect(idsOf(all)).to.have.length(5);
      expect(idsOf(first)).to.deep.equal(idsOf(all).slice(0, 2));
      const cursor = idsOf(all)[1] ?? "";
      expect(idsOf(await page(`page_size=2&from_id=${cursor}`))).to.deep.equal(idsOf(all).slice(2, 4));
      const bare = cursor.split("/").at(-1);
      expect(idsOf(await page(`from_id=${bare}`))).to.deep.equal(idsOf(all).slice(2));
      expect(idsOf(await page(`from_id=${idsOf(all)[4]}`))).to.deep.equal([]);
      expectError(await world().api("GET", at(`?from_id=${randomUUID()}`)), "not_found");
      const positions = list(all).map((row) => Number(member(row, "position")));
      expect(positions).to.deep.equal([5, 4, 3, 2, 1].map((n) => n * 2 ** 20));
    });

    it("gives positions without gap or repeat to 20 writers at once", async () => {
      const writer = async (n: number) => {
        for (let i = 0; i < 5; i += 1) await world().message(conversation, n % 2 ? ann : bob, `${n}/${i}`);
      };
      await Promise.all(Array.from({ length: 20 }, (_, n) => writer(n)));
      const rows = list((await world().api("GET", at())).json);
      expect(rows.map((row) => Number(member(row, "position")) / 2 ** 20)).to.deep.equal(
        Array.from({ length: 100 }, (_, n) => 100 - n),
      );
    });

    it("says 404 for an unknown and for a deleted message, never 410; deleting twice is 404", async () => {
      const id = await world().message(conversation, ann);
      expectError(await read(randomUUID()), "not_found");
      expectStatus(await world().api("DELETE", at(`/${id}`)), 204);
      expectError(await read(id), "not_found");
      expectError(await world().api("DELETE", at(`/${id}`)), "not_found");
      expect(await bodies()).to.deep.equal([]);
      expect((await world().api("GET", at())).headers.get("layer-count")).to.equal("0");
      const elsewhere = await world().conversation([ann]);
      const other = await world().message(elsewhere, ann);
      expectError(await read(other), "not_found");
    });

    it("sends later what is scheduled, and answers 202 without a body", async () => {
      const body = { sender_id: identityId(ann), parts: [textPart("later")], schedule: { delay_in_seconds: 1.5 } };
      const id = randomUUID();
      const reply = expectStatus(await send(body, { id }), 202);
      expect(reply.text).to.equal("");
      expect(await bodies()).to.deep.equal([]);
      await eventually(bodies, ["later"], { deadlineMs: 10_000 });
      expectStatus(await read(id), 200);
    });

    it("refuses an id that is scheduled, with no object since there is none yet, and sends what was scheduled", async () => {
      const schedule = { delay_in_seconds: 2 };
      const id = randomUUID();
      expectStatus(await send({ sender_id: identityId(ann), parts: [textPart("scheduled")], schedule }, { id }), 202);
      const again = await send({ sender_id: identityId(ann), parts: [textPart("at once")] }, { id });
      expectError(again, "id_in_use");
      expect(member(again.json, "data")).to.equal(null);
      await eventually(bodies, ["scheduled"], { deadlineMs: 10_000 });
      expectStatus(await read(id), 200);
    });

    it("takes delays of 1 to 300 seconds, and typing of 1 second up to the delay", async () => {
      const scheduled = (schedule: unknown) => send({ sender_id: identityId(ann), parts: [textPart("x")], schedule });
      for (const schedule of [
        { delay_in_seconds: 300, typing_indicator_in_seconds: 300 },
        { delay_in_seconds: 1, typing_indicator_in_seconds: 1 },
        { delay_in_seconds: 299.5 },
      ]) {
        expectStatus(await scheduled(schedule), 202);
      }
      for (const [schedule, property] of [
        [{ delay_in_seconds: 0.9 }, "schedule.delay_in_seconds"],
        [{ delay_in_seconds: 300.1 }, "schedule.delay_in_seconds"],
        [{ delay_in_seconds: "5" }, "schedule.delay_in_seconds"],
        [{ delay_in_seconds: 5, typing_indicator_in_seconds: 6 }, "schedule.typing_indicator_in_seconds"],
        [{ delay_in_seconds: 5, typing_indicator_in_seconds: 0.5 }, "schedule.typing_indicator_in_seconds"],
        ["soon", "schedule"],
      ] as const) {
        expectError(await scheduled(schedule), "invalid_property", property);
      }
      expectError(await scheduled({}), "missing_property", "schedule.delay_in_seconds");
    });

    it("drops what is scheduled when the conversation is deleted first", async () => {
      const scheduled = await world().conversation([ann]);
      const body = { sender_id: identityId(ann), parts: [textPart("never")], schedule: { delay_in_seconds: 1 } };
      expectStatus(await world().api("POST", `/conversations/${scheduled}/messages`, { body }), 202);
      expectStatus(await world().api("DELETE", `/conversations/${scheduled}`), 204);
      // One with the same delay in another conversation has come: so had this one, if it were to come.
      expectStatus(await send({ ...body, parts: [textPart("proof")] }), 202);
      await eventually(bodies, ["proof"], { deadlineMs: 10_000 });
      expectError(await world().api("GET", `/conversations/${scheduled}/messages`), "object_deleted");
    });

    for (const version of URIS) {
      it(`sends a batch in order in version ${version}`, async () => {
        const one = (text: string, schedule?: object) => ({
          sender_id: identityId(ann),
          parts: [textPart(text)],
          ...(schedule ? { schedule } : {}),
        });
        const batch = [one("1"), one("2", { delay_in_seconds: 0.5 }), one("3"), one("4", { delay_in_seconds: 0.2 })];
        expect(expectStatus(await send(batch, { version }), 202).text).to.equal("");
        await eventually(bodies, ["1", "2", "3", "4"], { deadlineMs: 10_000 });
      });
    }

    it("refuses a batch as a whole: of more than 12, of none, and with one that is wrong", async () => {
      const good = { sender_id: identityId(ann), parts: [textPart("x")] };
      expectStatus(await send(Array.from({ length: 12 }, () => good)), 202);
      await eventually(async () => (await bodies()).length, 12, { deadlineMs: 10_000 });
      expect((await send(Array.from({ length: 13 }, () => good))).status).to.equal(422);
      expect((await send([])).status).to.equal(422);
      expectError(await send([good, { sender_id: identityId(ann) }]), "missing_property", "parts");
      expect(await bodies()).to.have.length(12);
    });
  });
}
