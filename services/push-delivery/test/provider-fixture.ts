import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPhone, type Phone, type PhoneOptions } from "@strata/phone";
import webPush from "web-push";
import { z } from "zod";
import type { ApnsProviderOptions } from "../src/providers/apns-provider.ts";
import type { FcmProviderOptions } from "../src/providers/fcm-provider.ts";
import type { ProviderLog, Push, PushResult } from "../src/providers/push-provider.ts";
import type { WebPushProviderOptions } from "../src/providers/webpush-provider.ts";

const silent = () => undefined;
const silentLog: ProviderLog = { info: silent, warn: silent, error: silent };

/** A phone with certificates of its own, gone with its folder at the end. */
export async function aPhone(options: Partial<PhoneOptions> = {}): Promise<Phone> {
  const dataDir = await mkdtemp(join(tmpdir(), "strata-phone-"));
  const phone = await startPhone({ dataDir, ...options });
  const close = async () => {
    await phone.close();
    await rm(dataDir, { recursive: true });
  };
  return { ...phone, close, [Symbol.asyncDispose]: close };
}

/** Always the same 64 hexadecimal digits for the same number, as APNs tokens look. */
export const tokenOf = (index: number): string => (index + 1).toString(16).padStart(64, "0");

export const aPush = (index = 0, changes: Partial<Push> = {}): Push => ({
  device: { token: tokenOf(index) },
  notification: { title: "Hello", text: `for ${index}` },
  collapseId: "announcement-1",
  ttlSeconds: 3_600,
  priority: "high",
  data: { announcement_id: "announcement-1", user_id: `user-${index}` },
  ...changes,
});

export const pushesOf = (count: number, changes: Partial<Push> = {}): readonly Push[] =>
  Array.from({ length: count }, (_, index) => aPush(index, changes));

export const kindsOf = (results: readonly PushResult[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { kind } of results) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

/** How many pushes each of the devices 0 to count-1 got, by number of pushes: `{ "1": 1000 }` is every one exactly once. */
export const receivedHistogram = (phone: Phone, count: number): Readonly<Record<string, number>> => {
  const histogram: Record<string, number> = {};
  for (let index = 0; index < count; index += 1) {
    const times = phone.device(tokenOf(index)).received_count;
    histogram[times] = (histogram[times] ?? 0) + 1;
  }
  return histogram;
};

export const fcmOptions = (phone: Phone, changes: Partial<FcmProviderOptions> = {}): FcmProviderOptions => ({
  serviceAccount: phone.credentialFiles().service_account,
  url: phone.fcmUrl,
  tokenUrl: `${phone.fcmUrl}/token`,
  ca: phone.caPem,
  log: silentLog,
  ...changes,
});

export const apnsOptions = (phone: Phone, changes: Partial<ApnsProviderOptions> = {}): ApnsProviderOptions => {
  const { teamId, keyId, key, topic } = phone.credentialFiles().apns_key;
  return {
    credential: { teamId, keyId, privateKey: key, bundleId: topic, environment: "development" },
    endpoint: { address: "localhost", port: phone.port },
    ca: phone.caPem,
    log: silentLog,
    ...changes,
  };
};

/** A VAPID key pair of its own for each, and this phone as the only push service. */
export const webPushOptions = (
  phone: Phone,
  changes: Partial<WebPushProviderOptions> = {},
): WebPushProviderOptions => ({
  credential: { kind: "webpush", subject: "mailto:ops@shop.example", ...webPush.generateVAPIDKeys() },
  hosts: [new URL(phone.fcmUrl).host],
  ca: phone.caPem,
  log: silentLog,
  ...changes,
});

const StreamMessage = z.looseObject({
  stream: z.custom<object>((stream) => typeof stream === "object"),
  headers: z.record(z.string(), z.unknown()).default({}),
});

/** Every request of this process that is begun over HTTP/2 while it watches, with its headers. */
export class SentStreams implements Disposable {
  readonly headers: Readonly<Record<string, unknown>>[] = [];
  readonly #open = new Set<object>();
  readonly #onCreated = (message: unknown): void => {
    const { stream, headers } = StreamMessage.parse(message);
    this.headers.push(headers);
    this.#open.add(stream);
  };
  readonly #onClosed = (message: unknown): void => void this.#open.delete(StreamMessage.parse(message).stream);

  constructor() {
    subscribe("http2.client.stream.created", this.#onCreated);
    subscribe("http2.client.stream.close", this.#onClosed);
  }

  get open(): number {
    return this.#open.size;
  }

  [Symbol.dispose](): void {
    unsubscribe("http2.client.stream.created", this.#onCreated);
    unsubscribe("http2.client.stream.close", this.#onClosed);
  }
}
