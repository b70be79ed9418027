import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { ReceivedPush } from "./device-book.ts";
import { shareOf } from "./fault-plan.ts";

/** The body of `POST /auto_receipts`: where the phones' owners report what they saw. */
export const AutoReceiptsRequest = z.object({
  base_url: z.url().transform((url) => url.replace(/\/+$/, "")),
  app_id: z.string().min(1).transform(lastSegment),
  token: z.string().min(1),
  delivered_ratio: z.number().min(0).max(1).default(1),
  /** The share of those delivered that are also read. */
  read_ratio: z.number().min(0).max(1).default(0.5),
});
export type AutoReceiptsRequest = z.input<typeof AutoReceiptsRequest>;

interface Seen {
  readonly announcementId: string;
  readonly userId: string;
}

const CONCURRENCY = 16;
const MAX_WAITING = 200_000;
const ATTEMPTS = 8;
const REQUEST_TIMEOUT_MS = 15_000;
const LONGEST_WAIT_S = 30;

/**
 * Answers pushes with receipts, as apps on real phones do: one `delivered` per shown push, and for an always equal share of users
 * a `read` after it. At most 16 requests at once; 429, 503 and lost connections are tried again, other refusals are counted.
 */
export class AutoReceipts {
  readonly counts = { delivered_sent: 0, read_sent: 0, retried: 0, failed: 0, dropped: 0 };
  readonly lastFailures: string[] = [];
  readonly #stopped = new AbortController();
  #settings: z.infer<typeof AutoReceiptsRequest> | null = null;
  #waiting: Seen[] = [];
  #next = 0;
  #running = 0;

  get waiting(): number {
    return this.#waiting.length - this.#next + this.#running;
  }

  configure(settings: AutoReceiptsRequest | null): void {
    this.#settings = settings === null ? null : AutoReceiptsRequest.parse(settings);
  }

  received({ announcement_id, user_id }: ReceivedPush): void {
    if (this.#settings === null || announcement_id === null || user_id === null) return;
    const seen = { announcementId: lastSegment(announcement_id), userId: lastSegment(user_id) };
    if (shareOf(`delivered/${seen.announcementId}/${seen.userId}`) >= this.#settings.delivered_ratio) return;
    if (this.waiting >= MAX_WAITING) {
      this.counts.dropped += 1;
      return;
    }
    this.#waiting.push(seen);
    this.#startMore();
  }

  reset(): void {
    this.#waiting = [];
    this.#next = 0;
    this.lastFailures.length = 0;
    Object.assign(this.counts, { delivered_sent: 0, read_sent: 0, retried: 0, failed: 0, dropped: 0 });
  }

  close(): void {
    this.#settings = null;
    this.reset();
    this.#stopped.abort();
  }

  #startMore(): void {
    while (this.#running < CONCURRENCY && this.#next < this.#waiting.length && !this.#stopped.signal.aborted) {
      const seen = this.#waiting[this.#next];
      this.#next += 1;
      if (this.#next === this.#waiting.length) {
        this.#waiting = [];
        this.#next = 0;
      }
      if (seen === undefined) continue;
      this.#running += 1;
      void this.#report(seen).finally(() => {
        this.#running -= 1;
        this.#startMore();
      });
    }
  }

  async #report(seen: Seen): Promise<void> {
    const settings = this.#settings;
    if (settings === null) return;
    if (!(await this.#send(seen, "delivered", settings))) return;
    this.counts.delivered_sent += 1;
    if (shareOf(`read/${seen.announcementId}/${seen.userId}`) >= settings.read_ratio) return;
    if (await this.#send(seen, "read", settings)) this.counts.read_sent += 1;
  }

  async #send(seen: Seen, type: string, settings: z.infer<typeof AutoReceiptsRequest>): Promise<boolean> {
    const { base_url, app_id, token } = settings;
    const path = ["apps", app_id, "users", seen.userId, "announcements", seen.announcementId, "receipts"];
    const url = `${base_url}/${path.map(encodeURIComponent).join("/")}`;
    for (let attempt = 1; attempt <= ATTEMPTS && !this.#stopped.signal.aborted; attempt += 1) {
      const outcome = await this.#post(url, token, type);
      if (outcome.kind === "done") return true;
      if (outcome.kind === "refused") return this.#failed(`${type}: ${outcome.reason}`);
      this.counts.retried += 1;
      const backOffS = 0.2 * 2 ** attempt * (0.5 + Math.random() / 2);
      const waitS = Math.min(outcome.retryAfterS ?? backOffS, LONGEST_WAIT_S);
      await delay(waitS * 1_000, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
    }
    return this.#failed(`${type}: gave up after ${ATTEMPTS} attempts`);
  }

  async #post(url: string, token: string, type: string) {
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          accept: "application/vnd.layer+json; version=3.0",
          "content-type": "application/json",
          authorization: `Bearer ${token}`,
        },
        body: JSON.stringify({ type }),
        signal,
      });
      const text = await response.text();
      if (response.ok) return { kind: "done" } as const;
      if (response.status !== 429 && response.status < 500) {
        return { kind: "refused", reason: `${response.status} ${text.slice(0, 200)}` } as const;
      }
      const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
      return { kind: "later", retryAfterS: Number.isFinite(seconds) ? seconds : null } as const;
    } catch {
      return { kind: "later", retryAfterS: null } as const;
    }
  }

  #failed(reason: string): false {
    this.counts.failed += 1;
    this.lastFailures.push(reason);
    if (this.lastFailures.length > 20) this.lastFailures.shift();
    return false;
  }
}

/** `layer:///announcements/<uuid>` and a bare uuid are the same thing in a path. */
function lastSegment(id: string): string {
  return decodeURIComponent(id.startsWith("layer:///") ? id.slice(id.lastIndexOf("/") + 1) : id);
}
