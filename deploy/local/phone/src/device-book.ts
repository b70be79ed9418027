import type { Protocol } from "./provider-answers.ts";

/** One push as it reached a device. */
export interface ReceivedPush {
  readonly id: string;
  readonly protocol: Protocol;
  readonly received_at: string;
  /** Pushes to one device with the same collapse id are one notification: the later replaces the earlier. */
  readonly collapse_id: string | null;
  readonly silent: boolean;
  readonly title: string | null;
  readonly text: string | null;
  readonly announcement_id: string | null;
  readonly user_id: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: unknown;
}

export interface DeviceView {
  readonly token: string;
  /** Exact, however few of the pushes are still kept. */
  readonly received_count: number;
  /** How many of them replaced an earlier one with the same collapse id. */
  readonly replaced_count: number;
  readonly shown_count: number;
  readonly last_received_at: string | null;
  readonly received: readonly ReceivedPush[];
  /** What its owner sees: silent pushes are not shown, replaced ones only once. */
  readonly shown: readonly ReceivedPush[];
}

interface Entry {
  readonly sequence: number;
  readonly token: string;
  readonly push: ReceivedPush;
}

interface Device {
  receivedCount: number;
  replacedCount: number;
  shownCount: number;
  lastReceivedAt: string;
  received: Entry[];
  collapseIds: Set<string>;
}

const KEPT_PER_DEVICE = 200;
const KEPT_IN_ALL = 50_000;
const KEPT_DEVICES = 300_000;

/** What every device received. Contents are kept for the latest pushes only; the counts are exact. */
export class DeviceBook {
  readonly counts = { received: 0, shown: 0, replaced: 0, silent: 0, devices_forgotten: 0 };
  #devices = new Map<string, Device>();
  // Oldest first; a cursor instead of shift(), which would move all entries per push.
  #recent: (Entry | undefined)[] = [];
  #oldest = 0;
  #sequence = 0;

  get deviceCount(): number {
    return this.#devices.size;
  }

  /** Returns whether this is the first push with its collapse id on this device. */
  record(token: string, push: ReceivedPush): boolean {
    const device = this.#deviceOf(token);
    const isRepeated = push.collapse_id !== null && device.collapseIds.has(push.collapse_id);
    device.receivedCount += 1;
    device.lastReceivedAt = push.received_at;
    this.counts.received += 1;
    if (push.silent) this.counts.silent += 1;
    if (isRepeated) {
      device.replacedCount += 1;
      this.counts.replaced += 1;
    } else {
      if (push.collapse_id !== null) rememberBounded(device.collapseIds, push.collapse_id);
      if (!push.silent) {
        device.shownCount += 1;
        this.counts.shown += 1;
      }
    }
    this.#keep(device, { sequence: (this.#sequence += 1), token, push });
    return !isRepeated;
  }

  view(token: string): DeviceView {
    const device = this.#devices.get(token);
    const received = (device?.received ?? []).map(({ push }) => push);
    return {
      token,
      received_count: device?.receivedCount ?? 0,
      replaced_count: device?.replacedCount ?? 0,
      shown_count: device?.shownCount ?? 0,
      last_received_at: device?.lastReceivedAt ?? null,
      received,
      shown: shownOf(received),
    };
  }

  /** The devices that got a push last, latest first. */
  latest(limit: number): readonly DeviceView[] {
    const tokens = new Set<string>();
    for (let at = this.#recent.length - 1; at >= this.#oldest && tokens.size < limit; at -= 1) {
      const entry = this.#recent[at];
      if (entry !== undefined) tokens.add(entry.token);
    }
    return [...tokens].map((token) => this.view(token));
  }

  /** How many devices got exactly n different notifications: the audit after a test with kills. */
  shownHistogram(): Readonly<Record<string, number>> {
    const histogram: Record<string, number> = {};
    for (const { shownCount } of this.#devices.values()) histogram[shownCount] = (histogram[shownCount] ?? 0) + 1;
    return histogram;
  }

  reset(): void {
    this.#devices = new Map();
    this.#recent = [];
    this.#oldest = 0;
    Object.assign(this.counts, { received: 0, shown: 0, replaced: 0, silent: 0, devices_forgotten: 0 });
  }

  #deviceOf(token: string): Device {
    const known = this.#devices.get(token);
    if (known !== undefined) return known;
    if (this.#devices.size >= KEPT_DEVICES) {
      const [oldest] = this.#devices.keys();
      if (oldest !== undefined) this.#devices.delete(oldest);
      this.counts.devices_forgotten += 1;
    }
    const device: Device = {
      receivedCount: 0,
      replacedCount: 0,
      shownCount: 0,
      lastReceivedAt: "",
      received: [],
      collapseIds: new Set(),
    };
    this.#devices.set(token, device);
    return device;
  }

  #keep(device: Device, entry: Entry): void {
    device.received.push(entry);
    if (device.received.length > KEPT_PER_DEVICE) device.received.shift();
    this.#recent.push(entry);
    if (this.#recent.length - this.#oldest <= KEPT_IN_ALL) return;
    const dropped = this.#recent[this.#oldest];
    this.#recent[this.#oldest] = undefined;
    this.#oldest += 1;
    const owner = dropped === undefined ? undefined : this.#devices.get(dropped.token);
    if (owner?.received[0] === dropped) owner?.received.shift();
    if (this.#oldest >= KEPT_IN_ALL) {
      this.#recent = this.#recent.slice(this.#oldest);
      this.#oldest = 0;
    }
  }
}

function shownOf(received: readonly ReceivedPush[]): readonly ReceivedPush[] {
  const shown = new Map<string, ReceivedPush>();
  for (const push of received) {
    if (!push.silent) shown.set(push.collapse_id ?? push.id, push);
  }
  return [...shown.values()];
}

function rememberBounded(ids: Set<string>, id: string): void {
  ids.add(id);
  if (ids.size <= KEPT_PER_DEVICE) return;
  const [oldest] = ids;
  if (oldest !== undefined) ids.delete(oldest);
}
