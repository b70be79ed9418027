import { randomUUID } from "node:crypto";
import { eventually } from "@strata/testing";
import { expectError, expectStatus, list, member, uuidOf } from "./api-client.ts";
import { openSocket } from "./socket-client.ts";
import { addBackend, signIn, userClient } from "./sign-in.ts";
import { identityId, textPart, type World } from "./world.ts";

/** A user of whom everything is kept that can be, and two others whom it has to do with. */
export interface WholeUser {
  readonly ann: string;
  readonly bob: string;
  readonly cid: string;
  /** What others wrote, and secrets: of no export. */
  readonly unsaid: readonly string[];
  readonly conversation: string;
  readonly announcements: readonly string[];
}

/** Makes one. The app's policies are set for it, so it wants an app of its own. */
export async function wholeUser(world: World): Promise<WholeUser> {
  const [ann, secret] = [`ann-${randomUUID()}`, `secret-${randomUUID()}`];
  const [bob = "", cid = ""] = await world.users(2);
  await known(world, ann);
  const token = `token-${randomUUID()}`;
  await facts(world, { ann, bob, cid, token });
  const session = await signIn(world.platform.baseUrl, await addBackend(world), ann);
  await present(world, session);
  const conversation = await talk(world, { ann, bob, secret });
  await rules(world, { ann, bob, cid, secret });
  await governs(world, { ann, bob, cid, session });
  const announcements = await announced(world, { ann, bob, secret, session });
  return { ann, bob, cid, unsaid: [secret, token, session, `Name ${bob}`], conversation, announcements };
}

/** She comes by a membership rule. */
async function known({ api }: World, ann: string): Promise<void> {
  const city = randomUUID();
  const filter = { field: "metadata.city", eq: city };
  expectStatus(await api("PUT", `/membership_rules/${randomUUID()}`, { body: { name: "all", join: { filter } } }), 200);
  const identity = { display_name: "Ann Whole", email_address: "ann@example.com", metadata: { city } };
  expectStatus(await api("POST", `/users/${ann}/identity`, { body: identity }), 201);
}

interface People {
  readonly ann: string;
  readonly bob: string;
  readonly cid: string;
}

async function facts({ api }: World, { ann, bob, cid, token }: People & { readonly token: string }): Promise<void> {
  expectStatus(await api("POST", `/users/${cid}/blocks`, { version: "1.1", body: { user_id: ann } }), 204);
  expectStatus(await api("POST", `/users/${ann}/blocks`, { version: "1.1", body: { user_id: cid } }), 204);
  expectStatus(await api("PUT", `/users/${ann}/following/${bob}`), 204);
  expectStatus(await api("PUT", `/users/${bob}/following/${ann}`), 204);
  expectStatus(await api("PUT", `/users/${ann}/location`, { body: { latitude: 52.5, longitude: 13.25 } }), 200);
  expectStatus(await api("PUT", `/users/${ann}/badge`, { body: { external_unread_count: 4 } }), 200);
  const device = { platform: "android", kind: "fcm_token", token, app_version: "9.9", locale: "de_AT" };
  expectStatus(await api("PUT", `/users/${ann}/devices/phone`, { body: device }), 200);
  const headers = { "Content-Type": "application/json" };
  const preferences = { headers, body: { time_zone: "Europe/Vienna" } };
  expectStatus(await api("PATCH", `/users/${ann}/push_preferences`, preferences), 200);
}

/** She was here, and shows that she is busy. */
async function present({ platform }: World, session: string): Promise<void> {
  const socket = await openSocket(platform.websocketUrl, session);
  await socket.request("Presence.update", { data: [{ operation: "set", property: "status", value: "busy" }] });
  await socket.close();
}

/** Her words, others' words, and what was refused of hers. */
async function talk(
  world: World,
  { ann, bob, secret }: { readonly ann: string; readonly bob: string; readonly secret: string },
): Promise<string> {
  const { api } = world;
  const roles = { [identityId(ann)]: "owner" };
  const conversation = await world.conversation([ann, bob], { metadata: { title: "Tennis" }, roles });
  await world.message(conversation, ann, "words of ann");
  const left = await world.conversation([ann, bob], { distinct: false });
  await world.message(left, ann, "words where ann has left");
  const go = [{ operation: "remove", property: "participants", id: identityId(ann) }];
  const patch = { "Content-Type": "application/vnd.layer-patch+json" };
  expectStatus(await api("PATCH", `/conversations/${left}`, { body: go, headers: patch }), 204);
  const later = { sender_id: identityId(ann), parts: [textPart("words to come")], schedule: { delay_in_seconds: 300 } };
  expectStatus(await api("POST", `/conversations/${conversation}/messages`, { body: later }), 202);
  const message = await world.message(conversation, bob, secret);
  const receipt = { body: { type: "read" } };
  expectStatus(await api("POST", `/users/${ann}/messages/${message}/receipts`, receipt), 204);
  const swearing = { kind: "words", name: "swearing", action: "refuse", words: ["damn"] };
  const policy = { rules: [swearing], keep_refused_text: true };
  expectStatus(await api("PUT", "/message_policy", { body: policy }), 200);
  const path = `/users/${ann}/conversations/${conversation}/messages`;
  expectError(await api("POST", path, { body: { parts: [textPart("damn it")] } }), "message_refused");
  return conversation;
}

/** Flags both ways with a decision, a ban and an invite. */
async function rules(world: World, { ann, bob, cid, secret }: People & { readonly secret: string }): Promise<void> {
  const { api } = world;
  const thresholds = [{ score: 1, actions: [{ type: "mute", seconds: 3_600 }] }];
  expectStatus(await api("PUT", "/moderation/policy", { body: { is_active: true, thresholds } }), 200);
  const against = { by: bob, reason: "spam", comment: secret };
  expectStatus(await api("POST", `/users/${ann}/flags`, { body: against }), 201);
  const made = { by: ann, reason: "scam", comment: "ann's own comment" };
  expectStatus(await api("POST", `/users/${cid}/flags`, { body: made }), 201);
  const elsewhere = await world.conversation([bob, cid]);
  expectStatus(await api("PUT", `/conversations/${elsewhere}/bans/${ann}`, { body: { reason: secret } }), 200);
  const open = await world.conversation([bob, cid], { distinct: false });
  const guest = { user_id: identityId(ann), metadata: { title: "Chess" } };
  expectStatus(await api("POST", `/conversations/${open}/invites`, { body: guest }), 201);
}

/** As the owner of a conversation she invites by a code, bans, mutes and freezes; and a run of the rule has her in its sample. */
async function governs(world: World, { ann, bob, cid, session }: People & { readonly session: string }): Promise<void> {
  const client = userClient(world.platform.baseUrl, session);
  const roles = { [identityId(ann)]: "owner" };
  const conversation = await world.conversation([ann, bob], { distinct: false, roles });
  const path = `/conversations/${conversation}`;
  expectStatus(await client("POST", `${path}/invites`, { body: { max_uses: 3 } }), 201);
  expectStatus(await client("PUT", `${path}/bans/${cid}`, { body: { reason: "ann's own reason" } }), 200);
  expectStatus(await client("PUT", `${path}/members/${bob}/mute`, { body: {} }), 200);
  expectStatus(await client("PUT", `${path}/freeze`, { body: {} }), 200);
  for (const rule of list(expectStatus(await world.api("GET", "/membership_rules"), 200).json)) {
    const url = `/membership_rules/${String(member(rule, "id")).split("/").at(-1)}/runs`;
    const run = uuidOf(expectStatus(await world.api("POST", url, { body: { dry_run: true } }), 202).json);
    await eventually(async () => member((await world.api("GET", `${url}/${run}`)).json, "state"), "done");
  }
}

/** One that she read, one that she deleted. */
async function announced(
  { api, platform }: World,
  { ann, bob, secret, session }: Readonly<Record<"ann" | "bob" | "secret" | "session", string>>,
): Promise<readonly string[]> {
  const client = userClient(platform.baseUrl, session);
  const ids: string[] = [];
  for (const _ of [1, 2]) {
    const body = { recipients: [identityId(ann)], sender_id: identityId(bob), parts: [textPart(secret)] };
    ids.push(uuidOf(expectStatus(await api("POST", "/announcements", { body }), 202).json));
  }
  const there = async () => list(expectStatus(await client("GET", "/announcements"), 200).json).length;
  await eventually(there, 2);
  const [read = "", deleted = ""] = ids;
  expectStatus(await client("POST", `/announcements/${read}/receipts`, { body: { type: "read" } }), 204);
  expectStatus(await client("DELETE", `/announcements/${deleted}`), 204);
  return [read, deleted];
}

/** The lines of an export. */
export const linesOf = (text: string): readonly unknown[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);

export const ofType = (lines: readonly unknown[], type: string): readonly unknown[] =>
  lines.filter((line) => member(line, "type") === type);
