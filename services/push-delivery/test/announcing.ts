import { anAppId } from "@strata/testing";
import type { DeviceFields } from "@strata/contracts";
import type { Phone } from "@strata/phone";
import webPush from "web-push";
import type { PushOutcome } from "../src/domain/chunk.ts";
import { pushBatch, type PushDeps } from "../src/handlers/push-batch.ts";
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
    return new AnnouncedApp(pusher, phone, app, users, devices);
  }

  return { pusher, anApp, [Symbol.asyncDispose]: () => pusher[Symbol.asyncDispose]() };
}

export class AnnouncedApp {
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

  /** Has what waits tried now, as if its time had come. */
  async makeDue(): Promise<void> {
    await this.#pusher.deps.db
      .collection("push_chunks")
      .updateMany({ app: this.app, dueAt: { $gt: 0 } }, { $set: { dueAt: 1, "pending.$[].dueAt": 1 } });
  }
}
