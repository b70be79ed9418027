import { randomUUID } from "node:crypto";
import type { DeviceFields } from "@strata/contracts";
import type { Phone } from "@strata/phone";
import { anAppId, eventually } from "@strata/testing";
import webPush from "web-push";
import type { PushOutcome } from "../src/domain/chunk.ts";
import { pushBatch, type PushDeps } from "../src/handlers/push-batch.ts";
import type { PushProvider } from "../src/providers/push-provider.ts";
import type { CredentialChoice, OpenCredential, PushProviders } from "../src/push-providers.ts";
import { sendChunk, type SendDeps } from "../src/send-chunk.ts";
import {
  aBatch,
  aDelivery,
  anAndroid,
  anIphone,
  credentialsOf,
  openPusher,
  type Pusher,
  usersOfOnePartition,
} from "./support.ts";

export type Door = "fcm" | "apns" | "webpush";

/** Announcements to the phones of one door, over real stores, and what is left behind of each. */
export async function openAnnouncer(name: string, phone: Phone, options: Parameters<typeof openPusher>[2] = {}) {
  const pusher = await openPusher(name, phone, options);
  let nextToken = 0;

  const deviceFor = (door: Door, publicKey: string): DeviceFields => {
    nextToken += 1;
    if (door === "fcm") return anAndroid(nextToken);
    if (door === "apns") return anIphone(nextToken);
    const { endpoint: token, keys: webPushKeys } = phone.subscribe(publicKey);
    return anAndroid(nextToken, { platform: "web", kind: "webpush", token, webPushKeys });
  };

  /** An app with a credential of this door, and `count` users with one device each. */
  async function anApp(door: Door, count: number) {
    const app = anAppId();
    const vapid = webPush.generateVAPIDKeys();
    const credential =
      door === "webpush"
        ? { kind: "webpush" as const, subject: "mailto:ops@shop.example", ...vapid }
        : credentialsOf(phone)[door];
    await pusher.putCredential(app, credential);
    const users = usersOfOnePartition(count);
    const devices = users.map(() => deviceFor(door, vapid.publicKey));
    await pusher.registerAll(
      app,
      devices.map((device, index) => ({ userId: users[index] ?? "", device })),
    );
    return Object.assign(new AnnouncedApp(pusher, phone, app, users, devices), { vapid });
  }

  return { pusher, anApp, [Symbol.asyncDispose]: () => pusher[Symbol.asyncDispose]() };
}

class AnnouncedApp {
  readonly app: string;
  readonly users: readonly string[];
  readonly devices: readonly DeviceFields[];
  readonly #pusher: Pusher;
  readonly #phone: Phone;

  constructor(pusher: Pusher, phone: Phone, app: string, users: readonly string[], devices: readonly DeviceFields[]) {
    this.#pusher = pusher;
    this.#phone = phone;
    this.app = app;
    this.users = users;
    this.devices = devices;
  }

  /** As an app does when it starts: the same devices with the same tokens, now. */
  registerAgain(): Promise<void> {
    return this.#pusher.registerAll(this.app, this.#registrations(), Date.now());
  }

  #registrations() {
    return this.devices.map((device, index) => ({ userId: this.users[index] ?? "", device }));
  }

  /** Announces to all users, or to some; answers with the id of the plan. */
  async announce(changes: Partial<PushDeps> = {}, users = this.users): Promise<string> {
    const batch = aBatch(this.app, users);
    this.#pusher.notifications.set(batch.announcementId, { title: "News", text: "for all" });
    await pushBatch({ ...this.#pusher.deps, ...changes })(aDelivery(batch, { app: this.app }));
    return batch.batchId;
  }

  async outcomes(plan: string): Promise<readonly PushOutcome[]> {
    return (await this.#pusher.deps.chunks.ofPlan(plan)).flatMap(({ outcomes }) => outcomes);
  }

  /** How often each reason was given for a push that was given up, or `accepted`. */
  async became(plan: string): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = {};
    for (const { outcome, reason } of await this.outcomes(plan)) {
      const key = reason ?? outcome;
      counts[key] = (counts[key] ?? 0) + 1;
    }
    return counts;
  }

  /** In how many milliseconds each push that waits is tried again. */
  async waits(plan: string): Promise<readonly number[]> {
    const rows = await this.#pusher.deps.chunks.ofPlan(plan);
    const now = Date.now();
    return rows.flatMap(({ pending }) => pending.map(({ dueAt }) => dueAt - now));
  }

  /** Which of its devices wait for a push of this plan. */
  async waiting(plan: string): Promise<ReadonlySet<string>> {
    const rows = await this.#pusher.deps.chunks.ofPlan(plan);
    return new Set(rows.flatMap(({ pending }) => pending.map(({ token }) => token)));
  }

  async isParked(plan: string): Promise<boolean> {
    return (await this.#pusher.deps.chunks.ofPlan(plan)).every(({ parked }) => parked);
  }

  /** How many of its devices have a token still. */
  async tokensLeft(): Promise<number> {
    return this.#pusher.deps.db
      .collection("devices")
      .countDocuments({ app: this.app, token: { $in: this.devices.map(({ token }) => token) } });
  }

  /** What each of its devices got, and what it shows. */
  received(): readonly number[] {
    return this.devices.map(({ token }) => this.#phone.device(token).received_count);
  }

  shown(): readonly number[] {
    return this.devices.map(({ token }) => this.#phone.device(token).shown_count);
  }

  /** Tries once what waits, as if its time had come. */
  async tryAgain(changes: Partial<SendDeps> = {}): Promise<void> {
    const { db, chunks, notifications } = this.#pusher.deps;
    await db
      .collection("push_chunks")
      .updateMany({ app: this.app, dueAt: { $gt: 0 } }, { $set: { dueAt: 1, "pending.$[].dueAt": 1 } });
    for (;;) {
      const row = await chunks.claimDue(randomUUID(), 60_000);
      if (row === null) return;
      await sendChunk({ ...this.#pusher.deps, ...changes }, row, await notifications.of(row, this.users));
    }
  }

  /** Tries again and again until each of its devices has got a push; answers with how many pushes each has. */
  async untilReceived(changes: Partial<SendDeps> = {}): Promise<readonly number[]> {
    return eventually(
      async () => {
        await this.tryAgain(changes);
        return this.received();
      },
      (received) => received.every((count) => count > 0),
      { everyMs: 100 },
    );
  }

  /** What is known of its credential: what an operator sees, and is alarmed by. */
  async credentialState(): Promise<string | undefined> {
    return (await this.#pusher.deps.credentials.ofApp(this.app))[0]?.health?.state;
  }
}

/** The same credentials, whose pushes go through what `clientFor` makes of each. */
export function throughClients(
  providers: PushProviders,
  clientFor: (credential: OpenCredential) => PushProvider,
): PushProviders {
  const opened = new Map<string, OpenCredential>();
  const replaced = (credential: OpenCredential): OpenCredential => {
    const known = opened.get(credential.credentialId) ?? { ...credential, provider: clientFor(credential) };
    opened.set(credential.credentialId, known);
    return known;
  };
  const of = async (app: string): Promise<CredentialChoice> => {
    const choose = await providers.of(app);
    return (device) => {
      const credential = choose(device);
      return credential === null ? null : replaced(credential);
    };
  };
  return { ...providers, of };
}

/** The same clients; once a send was answered, and before anybody knows, `meanwhile` happens. */
export const answeredBehind = (providers: PushProviders, meanwhile: () => Promise<void>): PushProviders =>
  throughClients(providers, ({ provider }) => ({
    kind: provider.kind,
    async send(pushes) {
      const results = await provider.send(pushes);
      await meanwhile();
      return results;
    },
    ask: (...asked) => provider.ask(...asked),
    close: () => provider.close(),
  }));
