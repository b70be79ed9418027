import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expect } from "chai";
import { accountClient, madeToken } from "../support/account-client.ts";
import { expectError, expectStatus, idsOf, list, member } from "../support/api-client.ts";
import { identityId, openWorld, type Platform, textPart, type World } from "../support/world.ts";
import { apiPlatform } from "./platform.ts";

const inCity = (city: string) => ({ field: "metadata.city", eq: city });
const PATIENT = { deadlineMs: 20_000 };

/** Who comes by signing up, and goes by staying away, against the whole of Strata. */
describe("membership rules", function membershipRules() {
  this.timeout(90_000);
  let platform: Platform;
  let world: World;
  before(async () => {
    platform = await apiPlatform();
    world = await openWorld(platform);
  });

  const put = (rule: string, body: unknown) => world.api("PUT", `/membership_rules/${rule}`, { body });
  const signUp = async (city: string): Promise<string> => {
    const userId = world.newUserId();
    const body = { display_name: userId, metadata: { city } };
    expectStatus(await world.api("POST", `/users/${userId}/identity`, { body }), 201);
    return userId;
  };
  const conversationsOf = async (userId: string): Promise<readonly string[]> =>
    idsOf(expectStatus(await world.api("GET", `/users/${userId}/conversations`), 200).json);
  const run = async (rule: string, body: unknown = {}) => {
    const url = `/membership_rules/${rule}/runs`;
    const id = String(member(expectStatus(await world.api("POST", url, { body }), 202).json, "id"))
      .split("/")
      .at(-1);
    const find = async () => expectStatus(await world.api("GET", `${url}/${id}`), 200).json;
    await eventually(async () => member(await find(), "state"), "done", PATIENT);
    return find();
  };

  it("put who signs up among her neighbours, and take out who stays away", async () => {
    const [city, elsewhere] = [randomUUID(), randomUUID()];
    const earlier = await signUp(city);
    const joinRule = randomUUID();
    const join = { filter: inCity(city), capacity: 2, metadata: { title: "Neighbours" } };
    const made = expectStatus(await put(joinRule, { name: "neighbours", join }), 200).json;
    expect(made).to.deep.include({ name: "neighbours", is_active: true });
    expect(member(made, "join")).to.deep.equal({ ...join, visible_history: "all", conversation: null });

    const users = [await signUp(city), await signUp(city), await signUp(city)];
    const stranger = await signUp(elsewhere);
    for (const userId of users) await eventually(async () => (await conversationsOf(userId)).length, 1, PATIENT);
    const places = await Promise.all(users.map(conversationsOf));
    expect(new Set(places.flat()).size).to.equal(2);
    expect([await conversationsOf(stranger), await conversationsOf(earlier)]).to.deep.equal([[], []]);

    expect(member(await run(joinRule, { dry_run: true }), "counts")).to.deep.equal({
      joined: 1,
      warned: 0,
      left: 0,
      already: 3,
      refused: 0,
    });
    expect(await conversationsOf(earlier)).to.deep.equal([]);
    const real = await run(joinRule);
    expect(list(member(real, "users"))).to.deep.include({ user_id: identityId(earlier), outcome: "joined" });
    expect(await conversationsOf(earlier)).to.have.lengthOf(1);
    const runs = expectStatus(await world.api("GET", `/membership_rules/${joinRule}/runs`), 200);
    expect([runs.headers.get("layer-count"), list(runs.json).length]).to.deep.equal(["2", 2]);

    const [operator = ""] = await world.users(1);
    const leaveRule = randomUUID();
    const leave = {
      inactive_seconds: 2,
      join_rule: `layer:///membership_rules/${joinRule}`,
      filter: inCity(city),
      warning: { before_seconds: 1, sender_id: identityId(operator), parts: [textPart("Still there?")] },
    };
    expectStatus(await put(leaveRule, { name: "sleepers", is_active: false, leave }), 200);
    const counted = async (name: string) => Number(member(member(await run(leaveRule), "counts"), name));
    // Time passes by itself here: they are away as soon as they have been for a second.
    await eventually(async () => (await counted("warned")) > 0, true, PATIENT);
    await eventually(
      async () => list(expectStatus(await world.api("GET", `/users/${earlier}/announcements`), 200).json).length,
      1,
      PATIENT,
    );
    const participants = async () => {
      await run(leaveRule);
      const all = await Promise.all(
        places.flat().map(async (id) => {
          const { json } = expectStatus(await world.api("GET", `/conversations/${id.split("/").at(-1)}`), 200);
          return list(member(json, "participants"));
        }),
      );
      return all.flat().length;
    };
    await eventually(participants, 0, PATIENT);
  });

  it("are set whole, listed, and deleted", async () => {
    const other = await openWorld(platform);
    const rule = randomUUID();
    const body = { name: "a", join: { filter: inCity("x"), capacity: 5 } };
    const path = `/membership_rules/${rule}`;
    expectError(await other.api("GET", path), "not_found");
    const first = expectStatus(await other.api("PUT", path, { body }), 200).json;
    const renamed = expectStatus(await other.api("PUT", path, { body: { ...body, name: "b" } }), 200).json;
    expect(renamed).to.deep.include({ name: "b", created_at: member(first, "created_at") });
    expect(expectStatus(await other.api("GET", path), 200).json).to.deep.equal(renamed);
    const listed = expectStatus(await other.api("GET", "/membership_rules"), 200);
    expect([listed.json, listed.headers.get("layer-count")]).to.deep.equal([[renamed], "1"]);
    expectError(await world.api("GET", path), "not_found");
    expectStatus(await other.api("DELETE", path), 204);
    expectError(await other.api("DELETE", path), "not_found");
    expectError(await other.api("POST", `${path}/runs`, { body: {} }), "not_found");
    expectError(await other.api("GET", `${path}/runs`), "not_found");
    // Set once more it goes on where it was.
    expectStatus(await other.api("PUT", path, { body }), 200);
    expectStatus(await other.api("GET", path), 200);
    expectError(await other.api("PUT", "/membership_rules/mine", { body }), "not_found");
  });

  it("are set with a filter by who may read users, and with a warning by who may announce", async () => {
    const other = await openWorld(platform);
    const [bot = ""] = await other.users(1);
    const send = accountClient(platform);
    const putBy = async (scopes: readonly string[], rule: object) => {
      const made = await send("POST", `/accounts/apps/${other.appId}/tokens`, { body: { name: "narrow", scopes } });
      const path = `/apps/${other.appId}/membership_rules/${randomUUID()}`;
      return send("PUT", path, { token: madeToken(made).text, body: { name: "x", ...rule } });
    };
    const [writes, reads, announces] = ["conversations:write", "users:read", "announcements:write"];
    const join = { join: { filter: inCity("x"), capacity: 5 } };
    expectError(await putBy([writes], join), "access_denied");
    expectStatus(await putBy([writes, reads], join), 200);
    const leave = { inactive_seconds: 10 };
    expectStatus(await putBy([writes], { leave }), 200);
    const warning = { before_seconds: 1, sender_id: identityId(bot), parts: [textPart("Still there?")] };
    const warned = { leave: { ...leave, warning } };
    expectError(await putBy([writes, reads], warned), "access_denied");
    expectStatus(await putBy([writes, announces], warned), 200);
  });

  it("are refused with the path of what is wrong", async () => {
    const join = { filter: inCity("x") };
    const leave = { inactive_seconds: 10 };
    const rows: readonly (readonly [unknown, string, string])[] = [
      [{ join }, "missing_property", "name"],
      [{ name: "x" }, "missing_property", "join"],
      [{ name: "x", join, leave }, "invalid_property", "leave"],
      [{ name: "x", join: {} }, "missing_property", "join.filter"],
      [{ name: "x", join: { ...join, capacity: 0 } }, "invalid_property", "join.capacity"],
      [{ name: "x", join: { ...join, visible_history: "some" } }, "invalid_property", "join.visible_history"],
      [{ name: "x", join: { filter: { field: "shoe_size", eq: "1" } } }, "invalid_property", "join.filter.field"],
      [{ name: "x", leave: {} }, "missing_property", "leave.inactive_seconds"],
      [{ name: "x", leave: { ...leave, every_seconds: 5 } }, "invalid_property", "leave.every_seconds"],
      [{ name: "x", leave: { ...leave, join_rule: "mine" } }, "invalid_property", "leave.join_rule"],
      [{ name: "x", leave: { ...leave, join_rule: randomUUID() } }, "invalid_property", "leave.join_rule"],
      [
        { name: "x", leave: { ...leave, warning: { before_seconds: 20, sender_id: "a", parts: [textPart("x")] } } },
        "invalid_property",
        "leave.warning.before_seconds",
      ],
      [{ name: "x", leave: { ...leave, warning: {} } }, "missing_property", "leave.warning.before_seconds"],
    ];
    for (const [body, error, property] of rows) expectError(await put(randomUUID(), body), error, property);
  });
});
