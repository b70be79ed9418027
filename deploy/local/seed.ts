// The demo app of `npm start`: an app with a token, 1,000 users of whom 600 have devices, the phone's credentials, a
// conversation with an order card, and one real announcement whose way is shown until nothing moves any more. Run again it
// finds everything and announces anew.
import { createHash, createPublicKey, generateKeyPairSync, randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { StrataError, type StrataClient, strataClient } from "@strata/cli";
import { z } from "zod";
import { readDevJson, updateDevJson } from "./dev-json.mjs";

const USERS = 1_000;
const DEVICES = 600;
/** Of the phones that get the push, how many say that it was read. */
const READ_RATIO = 0.4;
const SENDER = "strata";
const CONCURRENCY = 16;
const SETTLED_MS = 3_000;
const FUNNEL_DEADLINE_MS = 120_000;

const Env = z.object({ STRATA_DEV_JSON: z.string(), STRATA_PHONE_URL: z.url() });
const Dev = z.object({
  baseUrl: z.string(),
  accountToken: z.string(),
  appId: z.string().nullable(),
  token: z.string().nullable(),
});
const Provided = z.object({
  identityProvider: z.object({ providerId: z.string(), keyId: z.string(), privateKey: z.string() }),
});
const PhoneCredentials = z.object({
  service_account: z.record(z.string(), z.unknown()),
  apns_key: z.object({ keyId: z.string(), teamId: z.string(), topic: z.string(), key: z.string() }),
});
const Counts = z.object({
  recipients: z.number(),
  unknown: z.number(),
  sent: z.number(),
  delivered: z.number(),
  read: z.number(),
  pushed: z.number(),
  failed: z.number(),
});
const Status = z.object({ state: z.string(), counts: Counts });
const CreatedApp = z.object({ app_id: z.string() });
const CreatedToken = z.object({ token: z.string() });
const Conversation = z.object({ id: z.string() });
const ORDER = { order: "4711", state: "shipped", items: [{ name: "Walking boots", quantity: 1 }] };

const { STRATA_DEV_JSON: devFile, STRATA_PHONE_URL: phoneUrl } = Env.parse(process.env);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const userId = (n: number): string => `user-${String(n).padStart(4, "0")}`;

async function main(): Promise<void> {
  const dev = Dev.parse({ appId: null, token: null, ...readDevJson(devFile) });
  const account = strataClient(dev.baseUrl, dev.accountToken);
  const { appId, token } = dev.appId && dev.token ? { appId: dev.appId, token: dev.token } : await createApp(account);
  const app = strataClient(dev.baseUrl, token);

  await addIdentityProvider(account, appId);
  await addCredentials(account, appId);
  await addUsers(app, appId);
  await sendOrderCard(app, appId);
  await letPhonesAnswer(dev.baseUrl, appId, token);
  await announceAndWatch(app, appId);
}

/** The app's token goes to dev.json, the only place that keeps it. */
async function createApp(account: StrataClient): Promise<{ appId: string; token: string }> {
  const made = await account.request("POST", "/accounts/apps", { body: { name: "Demo" } });
  const { app_id: appId } = CreatedApp.parse(made.body);
  const answer = await account.request("POST", `/accounts/apps/${appId}/tokens`, {
    body: { name: "demo", scopes: ["app:read", "app:write"] },
  });
  const { token } = CreatedToken.parse(answer.body);
  updateDevJson(() => ({ appId, token, identityProvider: newIdentityProvider() }), devFile);
  say(`  made the app "Demo" (${appId}) with a token`);
  return { appId, token };
}

function newIdentityProvider() {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2_048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return { providerId: randomUUID(), keyId: randomUUID(), privateKey };
}

/** Whose tokens let the demo app's users in; its private key is in dev.json, as a backend of one's own would keep it. */
async function addIdentityProvider(account: StrataClient, appId: string): Promise<void> {
  const { identityProvider } = Provided.parse(readDevJson(devFile));
  const { providerId, keyId, privateKey } = identityProvider;
  const providers = `/accounts/apps/${appId}/identity_providers`;
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "pem" });
  await unlessThere(account.request("POST", providers, { ifNoneMatch: providerId, body: { name: "demo" } }));
  const body = { public_key: publicKey };
  await unlessThere(account.request("POST", `${providers}/${providerId}/keys`, { ifNoneMatch: keyId, body }));
}

async function addCredentials(account: StrataClient, appId: string): Promise<void> {
  const response = await fetch(`${phoneUrl}/credentials`);
  const { service_account, apns_key } = PhoneCredentials.parse(await response.json());
  const put = (name: string, body: unknown): Promise<unknown> =>
    account.request("PUT", `/accounts/apps/${appId}/push_credentials/${uuidFrom(`${appId}/${name}`)}`, { body });
  await put("fcm", { kind: "fcm", service_account });
  await put("apns", {
    kind: "apns",
    team_id: apns_key.teamId,
    key_id: apns_key.keyId,
    private_key: apns_key.key,
    bundle_id: apns_key.topic,
    environment: "development",
  });
}

/** 1,000 users; of every ten, three have an iPhone and three an Android phone. */
async function addUsers(app: StrataClient, appId: string): Promise<void> {
  await createIdentity(app, appId, SENDER, "Strata");
  let done = 0;
  await eachOf(
    Array.from({ length: USERS }, (_, index) => index + 1),
    async (n) => {
      const isNew = await createIdentity(app, appId, userId(n), `Demo User ${n}`);
      if (isNew && n <= DEVICES) await addDevice(app, appId, n);
      done += 1;
      if (done % 250 === 0) say(`  ${done} of ${USERS} users`);
    },
  );
}

/** False when she is there from an earlier start. */
async function createIdentity(app: StrataClient, appId: string, user: string, displayName: string): Promise<boolean> {
  const body = { display_name: displayName };
  return unlessThere(app.request("POST", `/apps/${appId}/users/${user}/identity`, { body }));
}

/** Whether the request made something; false when it is there from an earlier start. */
async function unlessThere(creating: Promise<unknown>): Promise<boolean> {
  try {
    await creating;
    return true;
  } catch (error) {
    if (error instanceof StrataError && error.status === 409) return false;
    throw error;
  }
}

async function addDevice(app: StrataClient, appId: string, n: number): Promise<void> {
  const token = createHash("sha256").update(`${appId}/${n}`).digest("hex");
  const device =
    n % 2 === 0
      ? { platform: "ios", kind: "apns", token, environment: "development", app_id: "dev.strata.demo" }
      : { platform: "android", kind: "fcm_token", token: `fcm-${token}`, environment: "development" };
  await app.request("PUT", `/apps/${appId}/users/${userId(n)}/devices/phone`, { body: device });
}

/** A system message in the middle of a conversation: the backend speaks, and the app shows a card of its own. */
async function sendOrderCard(app: StrataClient, appId: string): Promise<void> {
  const participants = [userId(1), userId(2)];
  const created = await app.request("POST", `/apps/${appId}/conversations`, {
    body: {
      participants: participants.map((user) => `layer:///identities/${user}`),
      distinct: true,
      metadata: { title: `Order ${ORDER.order}` },
    },
  });
  const conversation = Conversation.parse(created.body).id.split("/").at(-1) ?? "";
  await unlessThere(
    app.request("POST", `/apps/${appId}/conversations/${conversation}/messages`, {
      ifNoneMatch: uuidFrom(`${appId}/order card`),
      body: {
        sender_id: `layer:///identities/${SENDER}`,
        parts: [
          { mime_type: "application/vnd.strata.order+json", body: JSON.stringify(ORDER) },
          { mime_type: "text/plain", body: `Your order ${ORDER.order} is on its way.` },
        ],
      },
    }),
  );
  say(`  a conversation of ${participants.join(" and ")} with an order card (${conversation})`);
}

async function letPhonesAnswer(baseUrl: string, appId: string, token: string): Promise<void> {
  const response = await fetch(`${phoneUrl}/auto_receipts`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ base_url: baseUrl, app_id: appId, token, delivered_ratio: 1, read_ratio: READ_RATIO }),
  });
  if (!response.ok) throw new Error(`the phone refused to answer with receipts: ${await response.text()}`);
}

async function announceAndWatch(app: StrataClient, appId: string): Promise<void> {
  const id = randomUUID();
  say(`\nAnnouncing to ${USERS} users, ${DEVICES} of them with a phone:`);
  await app.request("POST", `/apps/${appId}/announcements`, {
    ifNoneMatch: id,
    body: {
      recipients: Array.from({ length: USERS }, (_, index) => `layer:///identities/${userId(index + 1)}`),
      sender_id: `layer:///identities/${SENDER}`,
      parts: [{ mime_type: "text/plain", body: "Strata is up: this message went through every part of it." }],
      notification: { title: "Strata", text: "Strata is up" },
    },
  });
  const started = Date.now();
  let last = "";
  let lastChangeAt = started;
  while (Date.now() - started < FUNNEL_DEADLINE_MS) {
    const { counts } = Status.parse((await app.request("GET", `/apps/${appId}/announcements/${id}`)).body);
    const line = funnelLine(counts);
    if (line !== last) {
      say(`  ${((Date.now() - started) / 1_000).toFixed(1).padStart(5)} s  ${line}`);
      last = line;
      lastChangeAt = Date.now();
    }
    if (isComplete(counts) || (counts.pushed > 0 && Date.now() - lastChangeAt > SETTLED_MS * 3)) break;
    await wait(250);
  }
}

const isComplete = ({ sent, pushed, delivered, read }: z.infer<typeof Counts>): boolean =>
  sent === USERS && pushed === DEVICES && delivered === DEVICES && read > 0 && settledReads(read);

/** The phones read a fixed share by a hash of the user, so the exact number is not known here: wait until it rests. */
let previousRead = -1;
let readSince = 0;
function settledReads(read: number): boolean {
  if (read !== previousRead) {
    previousRead = read;
    readSince = Date.now();
  }
  return Date.now() - readSince > SETTLED_MS;
}

const funnelLine = ({ sent, pushed, failed, delivered, read }: z.infer<typeof Counts>): string =>
  [
    `inbox entries ${sent}`,
    `pushes ${pushed}${failed ? ` (${failed} failed)` : ""}`,
    `delivered ${delivered}`,
    `read ${read}`,
  ]
    .map((part) => part.padEnd(20))
    .join("");

/** A UUID that a second start comes to again. */
function uuidFrom(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

async function eachOf<T>(values: readonly T[], work: (value: T) => Promise<void>): Promise<void> {
  const iterator = values.values();
  const worker = async (): Promise<void> => {
    for (const value of iterator) await work(value);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

await main();
