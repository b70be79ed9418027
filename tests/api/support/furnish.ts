import { randomUUID } from "node:crypto";
import { expectStatus, list, member, uuidOf } from "./api-client.ts";
import { identityId, textPart, type World } from "./world.ts";

/** One of everything, with the secret in each. */
export async function furnish(world: World, secret: string): Promise<Readonly<Record<string, string>>> {
  const { api } = world;
  const user = world.newUserId();
  expectStatus(await api("POST", `/users/${user}/identity`, { body: { display_name: secret } }), 201);
  const conversation = await world.conversation([user], { metadata: { secret } });
  const message = await world.message(conversation, user, secret);
  const announced = await api("POST", "/announcements", {
    body: { recipients: [identityId(user)], sender_id: identityId(user), parts: [textPart(secret)] },
  });
  const content = await api("POST", `/conversations/${conversation}/content`, {
    headers: { "Upload-Content-Type": `text/${secret}`, "Upload-Content-Length": "1" },
  });
  const parts = await api("GET", `/conversations/${conversation}/messages/${message}/parts`);
  const [part] = Array.isArray(parts.json) ? (parts.json as unknown[]) : [];
  const filter = { field: "metadata.secret", eq: secret };
  const segment = expectStatus(await api("POST", "/segments", { body: { name: secret, filter } }), 201);
  expectStatus(await api("PUT", `/users/${user}/location`, { body: { latitude: 1, longitude: 1 } }), 200);
  const pushed = await api("POST", "/notifications", { body: { recipients: [user], notification: { text: secret } } });
  const guest = { user_id: identityId(world.newUserId()), metadata: { secret } };
  const invite = expectStatus(await api("POST", `/conversations/${conversation}/invites`, { body: guest }), 201);
  const rule = randomUUID();
  const joining = { name: secret, is_active: false, join: { filter } };
  expectStatus(await api("PUT", `/membership_rules/${rule}`, { body: joining }), 200);
  const run = expectStatus(await api("POST", `/membership_rules/${rule}/runs`, { body: { dry_run: true } }), 202);
  const policy = { is_active: true, thresholds: [{ score: 1, actions: [{ type: "webhook" }] }] };
  expectStatus(await api("PUT", "/moderation/policy", { body: policy }), 200);
  const flagger = world.newUserId();
  expectStatus(await api("POST", `/users/${flagger}/identity`, { body: { display_name: secret } }), 201);
  const flag = await api("POST", `/users/${user}/flags`, { body: { by: flagger, reason: "spam", comment: secret } });
  const moderation = expectStatus(await api("GET", `/users/${user}/moderation`), 200).json;
  const [decision] = list(member(moderation, "decisions"));
  return {
    invite: uuidOf(invite.json),
    rule,
    run: uuidOf(run.json),
    decision: uuidOf(decision),
    flag: uuidOf(expectStatus(flag, 201).json),
    segment: uuidOf(segment.json),
    notification: String(expectStatus(pushed, 202).headers.get("location")?.split("/").at(-1)),
    user,
    conversation,
    message,
    part: uuidOf(part),
    announcement: uuidOf(expectStatus(announced, 202).json),
    content: uuidOf(expectStatus(content, 201).json),
    member: user,
    followed: user,
    blocked: user,
    other: user,
    identity: user,
    device: "phone",
  };
}
