import { randomUUID } from "node:crypto";
import type { IdentityFields } from "@strata/contracts";
import { expect } from "chai";
import { errorOf, type HttpClient, httpClient } from "../http-client.ts";
import { openWorld, PATIENT, type World } from "../world.ts";

const text = (body: string) => ({ mime_type: "text/plain", body });
const idOf = (json: unknown): string => String(Object(json)["id"]).replace("layer:///announcements/", "");
const bodiesOf = (json: unknown): unknown =>
  Object(json)["parts"].map((part: Readonly<Record<string, unknown>>) => part["body"]);

const PERSONAL = {
  recipients: ["ann", "bob", "cid", "named"],
  sender_id: "ops",
  parts: [text("Hello {{ first_name }}"), { mime_type: "text/html", body: "<b>{{ first_name }}</b>" }],
  notification: {
    text: "Hello {{ first_name }}",
    recipients: { ann: { title: "{{ metadata.tier | default: 'x' }}" } },
  },
  personalise: true,
  defaults: { first_name: "there" },
  variants: [
    {
      locale: "de",
      parts: [text("Hallo {{ first_name }}")],
      notification: { text: "Hallo {{ first_name }}", "loc-key": "HELLO" },
    },
  ],
};

const english = (name: string, html = name) => [`Hello ${name}`, `<b>${html}</b>`];

describe("what each recipient is told", () => {
  let world: World;
  let send: HttpClient;
  let app: string;

  before(async () => {
    world = await openWorld({ name: "gateway personal", env: PATIENT });
    app = world.directory.anApp();
    const aUser = (userId: string, fields: Partial<IdentityFields> = {}) =>
      world.directory.aUser(app, userId, userId, fields);
    aUser("ops");
    aUser("ann", { firstName: "<Ann>" });
    aUser("bob", { firstName: "Bob", metadata: { locale: "de_AT" } });
    aUser("cid", { firstName: " ", metadata: { locale: "fr" } });
    send = httpClient(world.baseUrl, { token: world.directory.aToken({ app }), version: "3.0" });
    await send("PUT", `/apps/${app}/users/ops/following/users/named`);
  });
  beforeEach(() => {
    world.directory.factsAsked.length = 0;
  });
  after(() => world[Symbol.asyncDispose]());

  const announce = (body: unknown) => send("POST", `/apps/${app}/announcements`, { body });
  const inboxOf = async (userId: string) => {
    const { json } = await send("GET", `/apps/${app}/users/${userId}/announcements`);
    return Object(json).map(bodiesOf);
  };

  it("is in her language and by her name, in the list as alone, with one question to the directory for a page", async () => {
    const { json, status } = await announce(PERSONAL);
    expect(status).to.equal(202);
    await announce({ ...PERSONAL, variants: [] });
    expect(await inboxOf("ann")).to.deep.equal([english("<Ann>", "&lt;Ann&gt;"), english("<Ann>", "&lt;Ann&gt;")]);
    expect(world.directory.factsAsked).to.deep.equal([1]);
    expect(await inboxOf("bob")).to.deep.equal([english("Bob"), ["Hallo Bob"]]);
    expect(await inboxOf("cid")).to.deep.equal([english("there"), english("there")]);
    const one = await send("GET", `/apps/${app}/users/bob/announcements/${idOf(json)}`);
    expect(bodiesOf(one.json)).to.deep.equal(["Hallo Bob"]);
  });

  it("shows a name as it is now", async () => {
    const { json } = await announce(PERSONAL);
    const read = async () => bodiesOf((await send("GET", `/apps/${app}/users/dot/announcements/${idOf(json)}`)).json);
    const stored = world.fanout.announcements.get(`${app}/${idOf(json)}`);
    stored?.recipients?.push("dot");
    world.directory.aUser(app, "dot", "Dot", { firstName: "Dot" });
    expect(await read()).to.deep.equal(["Hello Dot", "<b>Dot</b>"]);
    world.directory.aUser(app, "dot", "Dot", { firstName: "Dorothy" });
    expect(await read()).to.deep.equal(["Hello Dorothy", "<b>Dorothy</b>"]);
  });

  it("asks the directory for nothing more where everybody is told the same", async () => {
    const plain = { recipients: ["eve"], sender_id: "ops", parts: [text("Hi {{ first_name }}")] };
    world.directory.aUser(app, "eve");
    await announce(plain);
    expect(await inboxOf("eve")).to.deep.equal([["Hi {{ first_name }}"]]);
    expect(world.directory.factsAsked).to.deep.equal([]);
  });

  it("shows the backend templates, defaults and variants, as they can be sent again", async () => {
    const { json } = await announce(PERSONAL);
    const parts = PERSONAL.parts.map((part) => ({ ...part, encoding: null }));
    const variants = PERSONAL.variants.map((variant) => ({
      ...variant,
      parts: variant.parts.map((part) => ({ ...part, encoding: null })),
    }));
    const given = { personalise: true, defaults: PERSONAL.defaults, variants };
    expect(json).to.deep.include(given);
    const { recipients, ...said } = PERSONAL.notification;
    const status = await send("GET", `/apps/${app}/announcements/${idOf(json)}`);
    expect(status.json).to.deep.include({
      ...given,
      parts,
      notification: { ...said, recipients: { "layer:///identities/ann": recipients.ann } },
    });
    const again = { ...PERSONAL, ...given, parts, notification: Object(status.json)["notification"] };
    const repeated = await send("POST", `/apps/${app}/announcements`, {
      body: again,
      headers: { "If-None-Match": `"${idOf(json)}"` },
    });
    expect(errorOf(repeated).id).to.equal("id_in_use");
  });

  it("shows nothing of that for what says the same to everybody", async () => {
    const { json } = await announce({ recipients: ["ann"], sender_id: "ops", parts: [text("Hi")] });
    const status = await send("GET", `/apps/${app}/announcements/${idOf(json)}`);
    expect(json).not.to.have.any.keys("personalise", "defaults", "variants");
    expect(status.json).not.to.have.any.keys("personalise", "defaults", "variants", "parts", "notification");
  });

  it("is looked at when it is accepted: 422 names the property, the place and the variable", async () => {
    const variant = PERSONAL.variants[0];
    const refused: readonly (readonly [changes: object, property: string, words: string])[] = [
      [{ parts: [text("Hi {{ first_name ")] }, "parts[0].body", "line 1, column 4"],
      [{ parts: [text("{% for i in (1..9) %}{% endfor %}")] }, "parts[0].body", 'tag "for" not found'],
      [{ parts: [text("Hi {{ frist_name }}")] }, "parts[0].body", "frist_name"],
      [{ parts: [text("Hi {{ last_name }}")] }, "parts[0].body", "last_name at line 1, column 7"],
      [{ notification: { title: "{{ last_name }}" } }, "notification.title", "last_name"],
      [{ variants: [{ ...variant, parts: [text("{{ x }}")] }] }, "variants[0].parts[0].body", "no variable"],
      [{ variants: [{ ...variant, notification: undefined }] }, "variants[0].notification", "is required"],
      [
        {
          variants: [
            { ...variant, locale: "german" },
            { ...variant, locale: "x y" },
          ],
        },
        "variants[1].locale",
        "BCP 47",
      ],
      [{ variants: [variant, { ...variant, locale: "DE" }] }, "variants[1].locale", "twice"],
      [
        { variants: [{ ...variant, parts: [{ mime_type: "", body: "x" }] }] },
        "variants[0].parts.mime_type",
        "variants[0]",
      ],
      [{ variants: Array.from({ length: 51 }, () => variant) }, "variants", "50"],
      [{ defaults: { first_name: "there", last_name: "x" } }, "defaults.last_name", "never used"],
      [{ defaults: { first_name: "" } }, "defaults.first_name", "must say something"],
      [{ defaults: { first_name: 7 } }, "defaults.first_name", "string"],
      [{ personalise: false }, "defaults", "personalise"],
      [{ personalise: "yes" }, "personalise", "true or false"],
      [{ silent: true, notification: { data: { x: 1 } } }, "variants[0].notification", "silent"],
    ];
    for (const [changes, property, words] of refused) {
      const reply = await announce({ ...PERSONAL, ...changes });
      expect([reply.status, errorOf(reply).data], JSON.stringify(changes)).to.deep.equal([422, { property }]);
      expect(errorOf(reply).message).to.include(words);
    }
    const missing = await announce({ ...PERSONAL, variants: [{ ...variant, parts: undefined }] });
    expect([errorOf(missing).id, errorOf(missing).data]).to.deep.equal([
      "missing_property",
      { property: "variants[0].parts" },
    ]);
  });

  it("is bounded with its variants, and not hard to refuse", async () => {
    const parts = Array.from({ length: 12 }, () => text("x".repeat(2_048)));
    const locales = Array.from({ length: 50 }, (_, n) => `en-x-v${n}`);
    const variants = locales.map((locale) => ({ locale, parts, notification: { text: "x" } }));
    const reply = await announce({ ...PERSONAL, variants });
    expect([reply.status, errorOf(reply).data]).to.deep.equal([422, { property: "variants" }]);
    expect(errorOf(reply).message).to.include("variants have at most");
  });

  it("hands corrections of all of it over, and shows what was refused", async () => {
    const { json } = await announce(PERSONAL);
    const path = `/apps/${app}/announcements/${idOf(json)}`;
    const reply = await send("PATCH", path, { body: { personalise: null, defaults: null, variants: null } });
    expect(reply.status).to.equal(200);
    expect(world.fanout.announcements.get(`${app}/${idOf(json)}`)).to.deep.include({
      isPersonal: false,
      defaults: {},
      variants: [],
    });
    await send("PATCH", path, { body: { personalise: true, defaults: { last_name: "x" } } });
    expect(world.fanout.announcements.get(`${app}/${idOf(json)}`)).to.deep.include({
      isPersonal: true,
      defaults: { last_name: "x" },
    });
    expect(
      (await send("PATCH", `/apps/${app}/announcements/${randomUUID()}`, { body: { variants: [] } })).status,
    ).to.equal(404);
  });
});
