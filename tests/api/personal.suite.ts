import { eventually } from "@strata/testing";
import { expect } from "chai";
import { apiClient, expectError, expectStatus, list, member, uuidOf } from "./support/api-client.ts";
import { identityId, textPart, type World } from "./support/world.ts";

const MERGE = { "Content-Type": "application/json" };
const bodyOf = (entry: unknown): unknown => member(list(member(entry, "parts"))[0], "body");

/** An extension: announcements that say another thing to each recipient. */
export function personal(world: () => World): void {
  describe("a personal announcement", () => {
    it("is in her language and by her name in inbox and push alike, and follows both and its corrections", async () => {
      const { platform } = world();
      const app = await platform.createApp();
      const api = apiClient(platform.baseUrl, app.appId, app.token);
      // Brings the app's credentials along.
      await platform.addPhones(app, []);
      const people = [
        { user: "ann", first_name: "Ann", locale: "en-GB" },
        { user: "bob", first_name: "Bob", locale: "de_AT" },
        { user: "cid", first_name: null, locale: "de-CH" },
      ];
      const tokens = new Map(people.map(({ user }) => [user, `personal-${app.appId}-${user}`]));
      for (const { user, first_name, locale } of people) {
        const identity = { display_name: user, first_name, metadata: { "shop.tier": user } };
        expectStatus(await api("POST", `/users/${user}/identity`, { body: identity }), 201);
        const device = { platform: "android", kind: "fcm_token", token: tokens.get(user), locale };
        expectStatus(await api("PUT", `/users/${user}/devices/phone`, { body: device }), 200);
      }
      // Which language a phone speaks comes to the directory by an event.
      const segment = { name: "Germans", filter: { field: "locale", starts_with: "de" } };
      const germans = uuidOf(expectStatus(await api("POST", "/segments", { body: segment }), 201).json);
      await eventually(async () => member((await api("GET", `/segments/${germans}/count`)).json, "count"), 2);
      const words = (hello: string) => ({
        parts: [textPart(`${hello} {{ first_name }} ({{ metadata['shop.tier'] }})`)],
        notification: { text: `${hello} {{ first_name }} ({{ metadata['shop.tier'] }})` },
      });
      const body = {
        recipients: people.map(({ user }) => identityId(user)),
        sender_id: identityId("ann"),
        personalise: true,
        defaults: { first_name: "friend", "metadata.shop.tier": "none" },
        ...words("Hello"),
        variants: [{ locale: "de", ...words("Hallo") }],
      };
      const announcement = uuidOf(expectStatus(await api("POST", "/announcements", { body }), 202).json);
      const told = async () =>
        Promise.all(
          people.map(async ({ user }) => {
            const { json } = await api("GET", `/users/${user}/announcements`);
            return bodyOf(list(json)[0]);
          }),
        );
      const pushed = () =>
        people.map(({ user }) => platform.phone.device(tokens.get(user) ?? "").received.at(-1)?.text);
      expect(await told()).to.deep.equal(["Hello Ann (ann)", "Hallo Bob (bob)", "Hallo friend (cid)"]);
      await eventually(pushed, await told(), { deadlineMs: 20_000 });

      const change = (changes: unknown) =>
        api("PATCH", `/announcements/${announcement}`, { body: changes, headers: MERGE });
      expectError(await change({ defaults: { first_name: "friend" } }), "invalid_property", "parts[0].body");
      expectError(await change({ notification: null }), "invalid_property", "variants[0].notification");
      expectStatus(await change({ variants: [{ locale: "de-CH", ...words("Grüezi") }] }), 200);
      expect(await told()).to.deep.equal(["Hello Ann (ann)", "Hello Bob (bob)", "Grüezi friend (cid)"]);
      await eventually(pushed, await told(), { deadlineMs: 20_000 });
    });

    it("is refused where it would greet nobody, with the variable", async () => {
      const [ann = ""] = await world().users(1);
      const body = { recipients: [identityId(ann)], sender_id: identityId(ann), personalise: true };
      const announce = (parts: readonly unknown[]) =>
        world().api("POST", "/announcements", { body: { ...body, parts } });
      const reply = await announce([textPart("Hi {{ first_name }}")]);
      expectError(reply, "invalid_property", "parts[0].body");
      expect(member(reply.json, "message")).to.include("first_name at line 1, column 7");
      expectError(await announce([textPart("Hi"), textPart("{% if")]), "invalid_property", "parts[1].body");
    });
  });
}
