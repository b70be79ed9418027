import { expect } from "chai";
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { connect, constants, type ClientHttp2Session } from "node:http2";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@strata/testing";
import { z } from "zod";
import { startPhone, type Phone } from "./index.ts";
import { portOf } from "./port-of.ts";

const TOKEN = "ab".repeat(32);
const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const nowS = () => Math.floor(Date.now() / 1_000);

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly resetCode: number;
}

/** One request over HTTP/2; status 0 when the stream ended without an answer. */
async function send(
  session: ClientHttp2Session,
  path: string,
  headers: Record<string, string>,
  body: unknown,
): Promise<Answer> {
  const stream = session.request({ ":method": "POST", ":path": path, ...headers });
  let answered: Record<string, unknown> = {};
  let text = "";
  stream.on("response", (fields) => (answered = fields));
  stream.on("error", () => undefined);
  stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  stream.end(typeof body === "string" ? body : JSON.stringify(body));
  await new Promise((resolve) => stream.once("close", resolve));
  return { status: Number(answered[":status"] ?? 0), headers: answered, body: text, resetCode: stream.rstCode };
}

function jwt(header: object, claims: object, privateKeyPem: string): string {
  const input = `${base64url(header)}.${base64url(claims)}`;
  const key = createPrivateKey(privateKeyPem);
  return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

const Subscribed = z.object({ endpoint: z.url(), keys: z.object({ p256dh: z.string(), auth: z.string() }) });
const reasonOf = ({ body }: Answer): unknown => JSON.parse(body).reason;

describe("the local phone", () => {
  let dataDir: string;
  let phone: Phone;
  let session: ClientHttp2Session;

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "strata-phone-"));
    phone = await startPhone({ dataDir });
  });
  beforeEach(async () => {
    phone.reset();
    phone.autoReceipts(null);
    phone.configure({ maxConcurrentStreams: 1_000, acceptUnknownCredentials: true, accessTokenLifetimeS: 3_599 });
    session = connect(phone.fcmUrl, { ca: phone.caPem });
    session.on("error", () => undefined);
    await once(session, "remoteSettings");
  });
  afterEach(() => session.destroy());
  after(async () => {
    await phone.close();
    await rm(dataDir, { recursive: true });
  });

  const apnsBearer = (claims: object = {}, header: object = {}) => {
    const { keyId, teamId, key } = phone.credentialFiles().apns_key;
    return `bearer ${jwt({ alg: "ES256", kid: keyId, ...header }, { iss: teamId, iat: nowS(), ...claims }, key)}`;
  };
  const apns = (headers: Record<string, string> = {}, body: unknown = { aps: { alert: "Hello" } }, token = TOKEN) => {
    const all = { authorization: apnsBearer(), "apns-topic": "dev.strata.demo", ...headers };
    return send(session, `/3/device/${token}`, all, body);
  };
  const assertion = (claims: object = {}) => {
    const { client_email, private_key } = phone.credentialFiles().service_account;
    const standard = {
      iss: client_email,
      aud: "https://oauth2.googleapis.com/token",
      iat: nowS(),
      exp: nowS() + 3_600,
    };
    const scope = "https://www.googleapis.com/auth/firebase.messaging";
    return jwt({ alg: "RS256", typ: "JWT" }, { ...standard, scope, ...claims }, private_key);
  };
  const exchange = (jwtAssertion: string) =>
    send(
      session,
      "/token",
      { "content-type": "application/x-www-form-urlencoded" },
      new URLSearchParams({
        grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
        assertion: jwtAssertion,
      }).toString(),
    );
  const fcmAccess = async (): Promise<string> =>
    `Bearer ${JSON.parse((await exchange(assertion())).body).access_token}`;
  const fcm = async (message: object, authorization?: string, project = "strata-local") =>
    send(
      session,
      `/v1/projects/${project}/messages:send`,
      { authorization: authorization ?? (await fcmAccess()) },
      { message },
    );

  const control = (method: string, path: string, body?: unknown) =>
    fetch(`${phone.controlUrl}${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const controlJson = async (method: string, path: string, body?: unknown) =>
    JSON.parse(await (await control(method, path, body)).text());

  describe("as APNs", () => {
    it("takes a push with a token signed by the registered key and echoes its apns-id", async () => {
      const id = "123E4567-E89B-42D3-A456-426614174000";
      const answer = await apns({ "apns-id": id, "apns-collapse-id": "a1" });
      expect(answer.status).to.equal(200);
      expect(answer.headers["apns-id"]).to.equal(id);
      expect(phone.device(TOKEN).received[0]).to.include({ id, protocol: "apns", collapse_id: "a1", text: "Hello" });
    });

    it("refuses a missing, a wrongly signed, a shapeless and an hour-old provider token", async () => {
      const { keyId, teamId } = phone.credentialFiles().apns_key;
      const other = (await import("node:crypto")).generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
      const forged = jwt(
        { alg: "ES256", kid: keyId },
        { iss: teamId, iat: nowS() },
        other.export({ type: "pkcs8", format: "pem" }).toString(),
      );
      const missing = await send(session, `/3/device/${TOKEN}`, { "apns-topic": "t" }, { aps: {} });
      expect(reasonOf(missing)).to.equal("MissingProviderToken");
      expect(reasonOf(await apns({ authorization: `bearer ${forged}` }))).to.equal("InvalidProviderToken");
      expect(reasonOf(await apns({ authorization: "bearer nonsense" }))).to.equal("InvalidProviderToken");
      expect(reasonOf(await apns({ authorization: apnsBearer({ iat: nowS() - 3_700 }) }))).to.equal(
        "ExpiredProviderToken",
      );
    });

    it("takes an unknown key by its shape, unless told not to", async () => {
      const authorization = apnsBearer({}, { kid: "UNKNOWNKEY" });
      expect((await apns({ authorization })).status).to.equal(200);
      phone.configure({ acceptUnknownCredentials: false });
      const later = apnsBearer({}, { kid: "UNKNOWNKEY" });
      expect(reasonOf(await apns({ authorization: later }))).to.equal("InvalidProviderToken");
    });

    it("refuses what APNs refuses of token, topic, collapse id, priority and size", async () => {
      expect(reasonOf(await apns({}, { aps: {} }, "zz".repeat(32)))).to.equal("BadDeviceToken");
      const noTopic = await send(session, `/3/device/${TOKEN}`, { authorization: apnsBearer() }, { aps: {} });
      expect(reasonOf(noTopic)).to.equal("MissingTopic");
      expect(reasonOf(await apns({ "apns-collapse-id": "x".repeat(65) }))).to.equal("BadCollapseId");
      expect(reasonOf(await apns({ "apns-push-type": "background", "apns-priority": "10" }))).to.equal("BadPriority");
      expect(reasonOf(await apns({}, { aps: { alert: "x".repeat(4_100) } }))).to.equal("PayloadTooLarge");
    });
  });

  describe("as FCM", () => {
    it("hands an access token to a registered service account and takes its pushes", async () => {
      const answer = await fcm({
        token: "phone-1",
        data: { announcement_id: "a", user_id: "u" },
        notification: { title: "T", body: "B" },
      });
      expect(answer.status).to.equal(200);
      expect(JSON.parse(answer.body).name).to.match(/^projects\/strata-local\/messages\//);
      expect(phone.device("phone-1").received[0]).to.include({
        title: "T",
        text: "B",
        announcement_id: "a",
        user_id: "u",
      });
    });

    it("refuses an assertion that is forged, stale, for another audience or without the scope", async () => {
      const forged = assertion().slice(0, -8) + "AAAAAAAA";
      for (const each of [
        forged,
        assertion({ exp: nowS() - 1 }),
        assertion({ aud: "https://example.com" }),
        assertion({ scope: "email" }),
      ]) {
        const answer = await exchange(each);
        expect(answer.status).to.equal(400);
        expect(JSON.parse(answer.body).error).to.equal("invalid_grant");
      }
    });

    it("answers 401 to an unknown or revoked access token and 403 to another project's", async () => {
      const access = await fcmAccess();
      expect((await fcm({ token: "t" }, access, "someone-else")).status).to.equal(403);
      phone.revokeAccessTokens();
      expect((await fcm({ token: "t" }, access)).status).to.equal(401);
    });

    it("names the field of a payload fault, which is no fault of the token", async () => {
      const answer = await fcm({ token: "t", data: { count: 7 } });
      const [detail] = JSON.parse(answer.body).error.details;
      expect(answer.status).to.equal(400);
      expect(detail.fieldViolations[0].field).to.equal("message.data[count]");
    });

    it("gives the token endpoint also by HTTP/1.1, as google-auth-library asks for it", async () => {
      const body = new URLSearchParams({
        grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
        assertion: assertion(),
      });
      const request = httpsRequest(`${phone.fcmUrl}/token`, { method: "POST", ca: phone.caPem });
      request.end(body.toString());
      const [response] = await once(request, "response");
      response.resume();
      expect(response.statusCode).to.equal(200);
      expect(response.httpVersion).to.equal("1.1");
    });
  });

  describe("what a device got", () => {
    it("shows one notification for pushes with the same collapse id and counts both", async () => {
      await apns({ "apns-collapse-id": "same" }, { aps: { alert: "first" } });
      await apns({ "apns-collapse-id": "same" }, { aps: { alert: "second" } });
      await apns({ "apns-collapse-id": "other" }, { aps: { alert: "third" } });
      const device = phone.device(TOKEN);
      expect(device).to.include({ received_count: 3, replaced_count: 1, shown_count: 2 });
      expect(device.shown.map(({ text }) => text)).to.deep.equal(["second", "third"]);
    });

    it("shows nothing of a silent push", async () => {
      await apns({ "apns-push-type": "background", "apns-priority": "5" }, { aps: { "content-available": 1 } });
      expect(phone.device(TOKEN)).to.include({ received_count: 1, shown_count: 0 });
    });

    it("keeps the last 200 pushes of a device and an exact count of all", async () => {
      await Promise.all(Array.from({ length: 230 }, () => apns()));
      expect(phone.device(TOKEN).received).to.have.length(200);
      expect(phone.device(TOKEN).received_count).to.equal(230);
    });
  });

  describe("scripted faults", () => {
    it("answers as told, as often as told, after letting pass as many as told", async () => {
      phone.addFault({ token: TOKEN, reason: "Unregistered", timestamp: 1_700_000_000_000, skip: 1, times: 2 });
      const answers = [await apns(), await apns(), await apns(), await apns()];
      expect(answers.map(({ status }) => status)).to.deep.equal([200, 410, 410, 200]);
      expect(JSON.parse(answers[1]?.body ?? "")).to.deep.equal({
        reason: "Unregistered",
        timestamp: 1_700_000_000_000,
      });
    });

    it("hits only the named token, or always the same share of tokens", async () => {
      phone.addFault({ token: "cd".repeat(32), reason: "BadDeviceToken" });
      expect((await apns()).status).to.equal(200);
      phone.addFault({ share: 0.5, reason: "TooManyRequests", retry_after: 7 });
      const tokens = Array.from({ length: 40 }, (_, index) => index.toString(16).padStart(64, "0"));
      const hit = async () =>
        Promise.all(tokens.map(async (token) => (await apns({}, { aps: { alert: "x" } }, token)).status));
      const first = await hit();
      expect(first.filter((status) => status === 429).length).to.be.within(8, 32);
      expect(await hit()).to.deep.equal(first);
    });

    it("leaves a hung stream open without an answer", async () => {
      phone.addFault({ behaviour: "hang", times: 1 });
      let isAnswered = false;
      const hung = apns().finally(() => (isAnswered = true));
      await eventually(() => phone.stats().answers["apns"]?.["scripted_hang"], 1);
      expect((await apns()).status).to.equal(200);
      expect(isAnswered).to.equal(false);
      session.destroy();
      await hung;
    });

    it("holds answers back until they are released, the oldest first", async () => {
      phone.addFault({ behaviour: "hold", times: 3 });
      const order: number[] = [];
      const authorization = apnsBearer();
      const held = [0, 1, 2].map((index) => apns({ authorization }).then(() => order.push(index)));
      await eventually(() => phone.stats().requests.held, 3);
      expect((await apns()).status).to.equal(200);
      expect(phone.device(TOKEN).received_count).to.equal(1);
      phone.release(1);
      await eventually(() => order, [0]);
      expect(phone.stats().requests.held).to.equal(2);
      expect((await control("DELETE", "/held")).status).to.equal(204);
      await Promise.all(held);
      expect(phone.device(TOKEN).received_count).to.equal(4);
    });

    it("sends GOAWAY in the middle so that the streams above it are refused, not lost", async () => {
      phone.addFault({ behaviour: "goaway", skip: 2, times: 1 });
      const authorization = apnsBearer(); // Checked once, so that the pushes are looked at in their order.
      const answers = await Promise.all(Array.from({ length: 5 }, () => apns({ authorization })));
      expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 0, 0, 0]);
      expect(answers.slice(2).map(({ resetCode }) => resetCode)).to.deep.equal(
        Array(3).fill(constants.NGHTTP2_REFUSED_STREAM),
      );
      expect(phone.device(TOKEN).received_count).to.equal(2);
    });

    it("closes a connection without answering what it says it took", async () => {
      phone.addFault({ behaviour: "goaway-unanswered", times: 1, arrives: true });
      const answer = await apns();
      expect(answer.status).to.equal(0);
      expect(answer.resetCode).to.not.equal(constants.NGHTTP2_REFUSED_STREAM);
      expect(phone.device(TOKEN).received_count).to.equal(1);
    });

    it("resets the TLS connection", async () => {
      phone.addFault({ behaviour: "reset", times: 1 });
      const closed = new Promise((resolve) => session.once("close", resolve));
      expect((await apns()).status).to.equal(0);
      await closed;
    });

    it("changes the stream limit of open and of new sessions", async () => {
      const changed = once(session, "remoteSettings");
      phone.configure({ maxConcurrentStreams: 1 });
      await changed;
      expect(session.remoteSettings.maxConcurrentStreams).to.equal(1);
    });
  });

  describe("the control API", () => {
    it("sets and removes faults, lists devices and stats, resets", async () => {
      const { id } = await controlJson("POST", "/faults", { reason: "Shutdown" });
      expect((await apns()).status).to.equal(503);
      expect((await control("DELETE", `/faults/${id}`)).status).to.equal(204);
      expect((await apns()).status).to.equal(200);
      const { devices } = await controlJson("GET", "/devices");
      expect(devices.map(({ token }: { token: string }) => token)).to.deep.equal([TOKEN]);
      const stats = await controlJson("GET", "/stats");
      expect(stats.answers).to.deep.include({ apns: { scripted_503: 1, ok: 1 } });
      await control("POST", "/reset");
      expect(phone.stats().devices).to.equal(0);
    });

    it("says what is wrong with a request and which routes there are", async () => {
      const bad = await control("POST", "/faults", { reason: "NoSuchReason" });
      expect(bad.status).to.equal(400);
      expect(await bad.text()).to.include("BadDeviceToken");
      expect((await control("GET", "/nothing")).status).to.equal(404);
    });

    it("shows a page", async () => {
      const answer = await control("GET", "/");
      expect(answer.headers.get("content-type")).to.include("text/html");
      expect(await answer.text()).to.include("The local phone");
    });
  });

  describe("automatic receipts", () => {
    it("reports delivered for every shown push and read for the share of users, retrying what is refused for now", async () => {
      const requests: { path: string; type: string; accept: string | undefined }[] = [];
      let refusals = 2;
      await using gateway = createServer((request, response) => {
        refusals -= 1;
        if (refusals >= 0) {
          response.writeHead(503, { "retry-after": "0" }).end();
          return;
        }
        let text = "";
        request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        request.on("end", () => {
          requests.push({ path: request.url ?? "", type: JSON.parse(text).type, accept: request.headers.accept });
          response.writeHead(204).end();
        });
      });
      gateway.listen(0, "127.0.0.1");
      await once(gateway, "listening");
      phone.autoReceipts({
        base_url: `http://127.0.0.1:${portOf(gateway)}/`,
        app_id: "app-1",
        token: "secret",
        read_ratio: 1,
      });
      const strata = { announcement_id: "layer:///announcements/77", user_id: "user 1" };
      const body = { aps: { alert: "Hi" }, strata };
      await apns({ "apns-collapse-id": "c" }, body);
      await apns({ "apns-collapse-id": "c" }, body);
      await eventually(() => phone.stats().receipts.waiting, 0);
      expect(phone.stats().receipts).to.include({ delivered_sent: 1, read_sent: 1, retried: 2, failed: 0 });
      const path = "/apps/app-1/users/user%201/announcements/77/receipts";
      const accept = "application/vnd.layer+json; version=3.0";
      expect(requests).to.deep.equal([
        { path, type: "delivered", accept },
        { path, type: "read", accept },
      ]);
    });
  });

  it("keeps its CA and credentials over a restart", async () => {
    const before = phone.credentialFiles();
    await using second = await startPhone({ dataDir });
    expect(second.caPem).to.equal(phone.caPem);
    expect(second.credentialFiles()).to.deep.equal(before);
    expect(await readFile(second.caFile, "utf8")).to.equal(phone.caPem);
  });

  describe("as a push service of browsers", () => {
    const vapidKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const publicKey = Buffer.concat(
      [Buffer.of(4)].concat(
        (["x", "y"] as const).map((name) =>
          Buffer.from(vapidKeys.publicKey.export({ format: "jwk" })[name] ?? "", "base64url"),
        ),
      ),
    ).toString("base64url");
    const vapid = (claims: object = {}, k = publicKey) => {
      const standard = { aud: phone.fcmUrl, exp: nowS() + 3_600, sub: "mailto:ops@shop.example" };
      const pem = vapidKeys.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
      return `vapid t=${jwt({ alg: "ES256", typ: "JWT" }, { ...standard, ...claims }, pem)}, k=${k}`;
    };
    const push = (endpoint: string, headers: Record<string, string> = {}, body = "not encrypted") =>
      send(
        session,
        new URL(endpoint).pathname,
        { authorization: vapid(), ttl: "60", "content-encoding": "aes128gcm", ...headers },
        body,
      );

    it("takes a push of whoever signs it, unless its subscription is for another key", async () => {
      expect((await push(phone.subscribe().endpoint)).status).to.equal(201);
      expect((await push(phone.subscribe(publicKey).endpoint)).status).to.equal(201);
      expect((await push(phone.subscribe("another").endpoint)).status).to.equal(403);
      expect(phone.stats().answers["webpush"]).to.deep.equal({ undecryptable: 2, "another key": 1 });
    });

    it("refuses a signature that is none, for elsewhere, too old or for too long", async () => {
      const { endpoint } = phone.subscribe();
      const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
      const foreign = Buffer.concat([
        Buffer.of(4),
        Buffer.from(other.x ?? "", "base64url"),
        Buffer.from(other.y ?? "", "base64url"),
      ]).toString("base64url");
      for (const [status, authorization] of [
        [401, "Bearer abc"],
        [403, vapid({}, foreign)],
        [403, vapid({ aud: "https://push.example" })],
        [403, vapid({ exp: nowS() - 60 })],
        [403, vapid({ exp: nowS() + 25 * 3_600 })],
        [403, vapid({ sub: "ops" })],
      ] as const) {
        expect((await push(endpoint, { authorization })).status, authorization).to.equal(status);
      }
    });

    it("refuses headers that RFC 8030 does not have, a body over 4,096 bytes, and subscriptions that ended", async () => {
      const { endpoint } = phone.subscribe();
      const refused: Record<string, string>[] = [
        { ttl: "soon" },
        { topic: "x".repeat(33) },
        { topic: "a.b" },
        { urgency: "now" },
        { "content-encoding": "gzip" },
      ];
      for (const headers of refused) expect((await push(endpoint, headers)).status).to.equal(400);
      expect((await push(endpoint, {}, "x".repeat(4_097))).status).to.equal(413);
      expect((await push(`${endpoint}0`)).status).to.equal(404);
      phone.unsubscribe(endpoint);
      expect((await push(endpoint)).status).to.equal(410);
    });

    it("hands out subscriptions over its control API", async () => {
      const made = await fetch(`${phone.controlUrl}/subscriptions`, { method: "POST" });
      const { endpoint } = Subscribed.parse(await made.json());
      expect((await push(endpoint)).status).to.equal(201);
      const ended = await fetch(`${phone.controlUrl}/subscriptions`, {
        method: "DELETE",
        body: JSON.stringify({ endpoint }),
      });
      expect(ended.status).to.equal(204);
      expect((await push(endpoint)).status).to.equal(410);
    });
  });
});
