import { setTimeout as wait } from "node:timers/promises";
import type { NotificationContent } from "@strata/contracts";
import type { Publisher } from "@strata/messaging";
import { type Push, pushOf } from "@strata/push-payload";
import { collectInSlices, type Dependency, type Logger } from "@strata/runtime";
import type { Badges } from "./badges.ts";
import { type ChunkRow, settle, type Target, type Verdict } from "./domain/chunk.ts";
import { deviceKey } from "./domain/device.ts";
import { secondsLeft } from "./domain/time-to-live.ts";
import type { PushMetrics } from "./metrics.ts";
import type { Wording } from "./notifications.ts";
import { CREDENTIALS_KNOWN_MS, type OpenCredential, type PushProviders } from "./push-providers.ts";
import { tellRemoved } from "./removed-devices.ts";
import type { ChunkStore } from "./store/chunk-store.ts";
import type { DeadToken, DeviceStore } from "./store/device-store.ts";

export interface SendDeps {
  readonly chunks: ChunkStore;
  readonly devices: DeviceStore;
  readonly providers: PushProviders;
  readonly badges: Badges;
  readonly mongo: Dependency;
  readonly publisher: Pick<Publisher, "emit">;
  readonly metrics: PushMetrics;
  readonly log: Logger;
  /** How long a chunk whose process was killed stands still. */
  readonly leaseMs: number;
}

export const LEASE_MS = 10_000;
const STORE_AGAIN_MS = 250;
/** Well below the half hour after which the broker takes the delivery away. */
const STORE_PATIENCE_MS = 5 * 60_000;

/**
 * Sends what is due of a chunk that its caller holds, and stores what became of it in one write. The lease is renewed
 * meanwhile, so that only the chunk of a killed process is ever sent again. What has been `decided` is not sent, and stored
 * with the rest.
 */
export async function sendChunk(
  deps: SendDeps,
  row: ChunkRow,
  wording: Wording | null,
  decided: ReadonlyMap<Target, Verdict> = new Map(),
): Promise<void> {
  const lease = keepLease(deps, row);
  let answers: Answers;
  try {
    answers = await answersTo(deps, row, wording, decided);
    // Under the lease, for as long as it takes: what is told twice is told once, what is sent twice is seen twice.
    await untilTold(deps, row.app, deadTokens(row.app, answers.verdicts));
  } finally {
    await lease.stop();
  }
  const { verdicts, refusals } = answers;
  await untilStored(deps, async () => {
    // Before the outcomes: if we are killed in between, the chunk is sent again and the dead tokens are found again.
    await deps.devices.removeDead(deadTokens(row.app, verdicts));
    const isStored = await deps.chunks.settle(row._id, row.holder, settle(row, verdicts, Date.now()));
    if (!isStored) deps.log.warn("another worker took the chunk; its outcomes are stored", { chunk: row._id });
  });
  if (refusals.length > 0) await untilStored(deps, () => unparkIfPutRight(deps, row.app, refusals));
}

/**
 * Who puts a credential lets go on what is parked by then. What was being sent through the former one meanwhile is
 * parked only afterwards, so it has to look: either it is seen parked there, or the new credential is seen here.
 */
async function unparkIfPutRight({ providers, chunks }: SendDeps, app: string, refusals: readonly Refusal[]) {
  providers.forget(app);
  const choose = await providers.of(app);
  if (refusals.some(({ target, credential }) => choose(target) !== credential)) {
    await chunks.unpark(app, CREDENTIALS_KNOWN_MS);
  }
}

interface Answers {
  readonly verdicts: ReadonlyMap<Target, Verdict>;
  readonly refusals: readonly Refusal[];
}

/** A credential that was refused, and one of the devices that it was used for. */
interface Refusal {
  readonly target: Target;
  readonly credential: OpenCredential;
}

async function answersTo(
  deps: SendDeps,
  row: ChunkRow,
  wording: Wording | null,
  decided: ReadonlyMap<Target, Verdict>,
): Promise<Answers> {
  const now = Date.now();
  if (wording === null) return allSettled(row.pending, { kind: "failed", reason: `${row.subject.kind}_gone` });
  if (now >= row.expiresAt) return allSettled(row.pending, { kind: "expired" });
  const choose = await deps.providers.of(row.app);
  const due = row.pending.filter((target) => target.dueAt <= now && !decided.has(target));
  const badges = await deps.badges.of(row, due);
  const sends = [...Map.groupBy(due, choose)].map(async ([credential, targets]) =>
    credential === null
      ? allSettled(targets, { kind: "failed", reason: "no_credential" })
      : sendThrough(deps, credential, targets, { row, wording, badges }),
  );
  const parts = await Promise.all(sends);
  const verdicts = new Map([...decided, ...parts.flatMap((part) => [...part.verdicts])]);
  for (const [{ kind }, verdict] of verdicts) count(deps.metrics, row.subject.kind, kind, verdict);
  return { verdicts, refusals: parts.flatMap(({ refusals }) => refusals) };
}

function count({ pushes, decided }: PushMetrics, subject: string, kind: string, verdict: Verdict): void {
  if (verdict.kind === "skipped") decided.inc({ subject, policy: verdict.policy, decision: "skip" });
  else if (verdict.kind === "deferred") decided.inc({ subject, policy: verdict.policy, decision: "wait" });
  else pushes.inc({ subject, kind, result: verdict.kind });
}

const allSettled = (targets: readonly Target[], verdict: Verdict): Answers => ({
  verdicts: new Map(targets.map((target) => [target, verdict])),
  refusals: [],
});

/** What is pushed, and to each user her own of it. */
interface Said {
  readonly row: ChunkRow;
  readonly wording: Wording;
  readonly badges: ReadonlyMap<string, number>;
}

async function sendThrough(
  { metrics, log }: SendDeps,
  credential: OpenCredential,
  targets: readonly Target[],
  said: Said,
): Promise<Answers> {
  const { provider, credentialId } = credential;
  // What is personal is rendered here, and that takes its time: the leases of others are to be renewed meanwhile.
  const pushes = await collectInSlices(pushesTo(targets, said));
  const stop = metrics.sendSeconds.startTimer({ provider: provider.kind });
  const results = await provider.send(pushes);
  stop();
  const verdicts = new Map(targets.flatMap((target, index) => pairOf(target, results[index])));
  for (const [target, verdict] of verdicts) {
    if (verdict.kind !== "credential-refused") continue;
    log.warn("push credential refused; its pushes wait", { app: said.row.app, credentialId, ...verdict });
    return { verdicts, refusals: [{ target, credential }] };
  }
  return { verdicts, refusals: [] };
}

const pairOf = (target: Target, verdict: Verdict | undefined): [Target, Verdict][] =>
  verdict === undefined ? [] : [[target, verdict]];

function* pushesTo(targets: readonly Target[], said: Said): Generator<Push> {
  const now = Date.now();
  for (const target of targets) yield pushTo(target, said, now);
}

function pushTo(target: Target, { row, wording, badges }: Said, now: number): Push {
  const { userId } = target;
  const content = contentOf(row, wording(userId));
  const ttlSeconds = secondsLeft(row, content.ttl, now);
  const badge = badges.get(userId);
  return pushOf({
    device: target,
    subject: row.subject,
    content,
    userId,
    ttlSeconds,
    ...(badge === undefined || target.platform !== "ios" ? {} : { badge }),
  });
}

/** What is shown already changes without a sound. */
function contentOf({ subject }: ChunkRow, { sound, ...content }: NotificationContent): NotificationContent {
  const isShown = subject.kind === "announcement" && subject.follows !== undefined;
  return isShown || sound === undefined ? content : { ...content, sound };
}

const deadTokens = (app: string, verdicts: ReadonlyMap<Target, Verdict>): readonly DeadToken[] =>
  [...verdicts].flatMap(([target, verdict]) =>
    verdict.kind === "token-dead" && (verdict.deadSince === null || target.registeredAt < verdict.deadSince.getTime())
      ? [{ key: deviceKey(app, target.userId, target.deviceId), target, deadSince: verdict.deadSince }]
      : [],
  );

/** Stopping waits for a renewal under way: it must not come behind the outcomes and make a finished chunk due. */
function keepLease({ chunks, leaseMs, log }: SendDeps, { _id, holder }: ChunkRow): { stop(): Promise<void> } {
  let renewal: Promise<void> | null = null;
  const timer = setInterval(() => {
    renewal ??= chunks
      .renew(_id, holder, leaseMs)
      .catch((error: unknown) => log.warn("lease not renewed", { chunk: _id, error }))
      .finally(() => (renewal = null));
  }, leaseMs / 4);
  return {
    async stop() {
      clearInterval(timer);
      await renewal;
    },
  };
}

async function untilTold({ publisher, log }: SendDeps, app: string, dead: readonly DeadToken[]): Promise<void> {
  for (const giveUpAt = Date.now() + STORE_PATIENCE_MS; ;) {
    try {
      return await tellRemoved(
        publisher,
        app,
        dead.map(({ target }) => target),
      );
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
      log.warn("devices with dead tokens not told yet", { error });
      await wait(STORE_AGAIN_MS);
    }
  }
}

/** What was sent is remembered through an absence of MongoDB: forgetting it would send it again. */
async function untilStored({ mongo, log }: SendDeps, store: () => Promise<void>): Promise<void> {
  for (const giveUpAt = Date.now() + STORE_PATIENCE_MS; ;) {
    try {
      return await store();
    } catch (error) {
      if (!mongo.isDown(error) || Date.now() > giveUpAt) throw error;
      log.warn("outcomes not stored yet", { error });
      await wait(STORE_AGAIN_MS);
    }
  }
}
