import { DeviceFields, Millis, Platform, PushPolicyName, UserId } from "@strata/contracts";
import { z } from "zod";
import { MAX_PUSHES_PER_SEND, type PushResult } from "../providers/push-provider.ts";
import { type Decision, PASSED } from "./policy.ts";
import { Subject } from "./subject.ts";

/** A device as a chunk remembers it until its push is settled. */
export const Target = DeviceFields.pick({
  platform: true,
  kind: true,
  token: true,
  environment: true,
  appBundle: true,
  webPushKeys: true,
}).extend({
  userId: UserId,
  deviceId: z.string(),
  registeredAt: Millis,
  /** Not to be sent before. */
  dueAt: Millis,
  /** Which policy has it wait; absent: none, or it was not asked yet. */
  waitsFor: PushPolicyName.optional(),
});
export type Target = z.infer<typeof Target>;

/** What became of the push to one device, for good. */
const PushOutcome = z.object({
  user: z.string(),
  device: z.string(),
  platform: Platform,
  outcome: z.enum(["accepted", "failed", "skipped", "expired"]),
  reason: z.string().nullable(),
  /** Of what was skipped: which decided. */
  policy: PushPolicyName.optional(),
  /** The provider's own id of the push. */
  providerId: z.string().nullable(),
  at: Millis,
});
export type PushOutcome = z.infer<typeof PushOutcome>;

const ChunkFields = z.object({
  /** `<plan id>/<k>` */
  _id: z.string(),
  app: z.string(),
  /** How many chunks its plan has, as far as the one who planned this one knew. */
  of: z.number().int(),
  credential: z.string().nullable(),
  hasNotification: z.boolean(),
  /** When a push is given up. */
  expiresAt: Millis,
  /** When that was said which is pushed, how, and by which user, where it is one; rows of an older version do not say. */
  at: Millis.optional(),
  category: z.string().optional(),
  isUrgent: z.boolean().optional(),
  senderId: UserId.optional(),
  /** Who may store the outcomes: the one who claimed the row last. */
  holder: z.string(),
  /** When the row may be (re)claimed: while it is being sent, the end of the lease. Null: nothing is pending. */
  dueAt: Millis.nullable(),
  /** Waits for a credential to be put right. */
  parked: z.boolean(),
  pending: z.array(Target),
  outcomes: z.array(PushOutcome),
  accepted: z.number().int(),
  /** Of them, how many on each platform; rows of an older version do not say. */
  acceptedOn: z.object({ ios: z.number().int(), android: z.number().int(), web: z.number().int() }).optional(),
  failed: z.number().int(),
  /** How many pushes had to wait after the last send; absent before the first, and in rows of an older version. */
  waiting: z.number().int().optional(),
  /** How many pushes have no outcome yet, those that are being sent among them; rows of an older version do not say. */
  unsettled: z.number().int().optional(),
  /** Rows of an older version have neither of them: nothing was skipped, and what expired is among those that failed. */
  skipped: z.number().int().default(0),
  expired: z.number().int().default(0),
  /** When the row goes by itself. Absent: never, for counts of an announcement come from it; rows of an older version. */
  purgeAt: z.date().optional(),
});

/** Rows that were stored before messages were pushed. */
const AnnouncementChunk = ChunkFields.extend({ announcement: z.string() }).transform(
  ({ announcement: id, ...row }) => ({ ...row, subject: { kind: "announcement" as const, id } }),
);

/**
 * Up to 1,000 pushes of one plan: claimed before they are sent, and the ledger of what became of them afterwards. The
 * row is the truth: whoever finds it due may take it on.
 */
export const ChunkRow = z.union([ChunkFields.extend({ subject: Subject }), AnnouncementChunk]);
export type ChunkRow = z.infer<typeof ChunkFields> & { readonly subject: Subject };

/** The fields that one send changes. */
export type Settlement = Pick<
  ChunkRow,
  | "dueAt"
  | "parked"
  | "pending"
  | "outcomes"
  | "accepted"
  | "acceptedOn"
  | "failed"
  | "skipped"
  | "expired"
  | "waiting"
  | "unsettled"
>;

/** Everything that is to be pushed at one time about one subject: a batch of an announcement, or a whole message. */
export interface PushPlan {
  /** The same whenever this is planned again, and of no other plan. */
  readonly planId: string;
  readonly app: string;
  readonly subject: Subject;
  readonly hasNotification: boolean;
  readonly expiresAt: number;
  /** When that was said which is pushed: what a delay counts from. Absent: long ago. */
  readonly at?: number | undefined;
  /** Where it has one of its own; else it is as its notification says. */
  readonly category?: string | undefined;
  readonly isUrgent?: boolean | undefined;
  /** The user who says it, where it is one. */
  readonly senderId?: string | undefined;
  /** When what it is about is over, whatever its notification says; absent: nobody says. */
  readonly endsAt?: number | null;
}

export type Verdict =
  | PushResult
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "expired" }
  | { readonly kind: "skipped"; readonly policy: PushPolicyName }
  /** Of a policy; to be decided again then. */
  | { readonly kind: "deferred"; readonly policy: PushPolicyName; readonly until: number };

/** How long a push waits for its credential to be put right before it is tried again unasked. */
const PARKED_MS = 300_000;
const SHORTEST_WAIT_MS = 500;
/** For so long after its last moment it can be asked what became of a push whose counts nobody adds up. */
const KEPT_MS = 30 * 86_400_000;

const chunkId = (planId: string, k: number): string => `${planId}/${String(k).padStart(4, "0")}`;

/**
 * The chunks of a plan: devices of one credential together, so that one that must wait holds up nobody else, and no
 * token twice. Numbered from `first`, behind the chunks that are there already. What policies skip has its outcome at once,
 * and a chunk all of which they have wait is due when the first of it is: nobody holds it.
 */
export function planChunks(
  plan: PushPlan,
  targets: readonly Target[],
  credentialOf: (target: Target) => string | null,
  claim: { readonly first: number; readonly holder: string; readonly leaseUntil: number },
  decisionOn: (userId: string) => Decision = () => PASSED,
): readonly ChunkRow[] {
  const byToken = new Map(targets.map((target) => [tokenKey(target), target]));
  const groups = [...Map.groupBy(byToken.values(), credentialOf)].flatMap(([credential, members]) =>
    Array.from({ length: Math.ceil(members.length / MAX_PUSHES_PER_SEND) }, (_, page) => ({
      credential,
      pending: members.slice(page * MAX_PUSHES_PER_SEND, (page + 1) * MAX_PUSHES_PER_SEND),
    })),
  );
  const { planId, endsAt: _, ...planned } = plan;
  const now = Date.now();
  return groups.map(({ credential, pending }, index) => {
    const row: ChunkRow = Object.assign({}, planned, countsOf([]), {
      _id: chunkId(planId, claim.first + index),
      of: claim.first + groups.length,
      credential,
      holder: claim.holder,
      dueAt: claim.leaseUntil,
      parked: false,
      pending,
      unsettled: pending.length,
      outcomes: [],
      ...purgeOf(plan),
    });
    const verdicts = verdictsOf(pending, decisionOn);
    if (verdicts.size === 0) return row;
    const settled = Object.assign(row, settle(row, verdicts, now));
    return isToBeSent(settled, now) ? Object.assign(settled, { dueAt: claim.leaseUntil }) : settled;
  });
}

/** What follows an announcement is not counted with it. */
function purgeOf({ subject, expiresAt }: PushPlan): Pick<ChunkRow, "purgeAt"> {
  const isCounted = subject.kind === "announcement" && subject.follows === undefined;
  return isCounted ? {} : { purgeAt: new Date(expiresAt + KEPT_MS) };
}

/** What policies say of pushes: those that are to be sent have no verdict yet. */
export function verdictsOf(
  targets: readonly Target[],
  decisionOn: (userId: string) => Decision,
): ReadonlyMap<Target, Verdict> {
  const verdicts = new Map<Target, Verdict>();
  for (const target of targets) {
    const { decision, policy, until } = decisionOn(target.userId);
    if (decision === "send" || policy === null) continue;
    verdicts.set(target, until === null ? { kind: "skipped", policy } : { kind: "deferred", policy, until });
  }
  return verdicts;
}

/** Whether anything of a row is to be sent now. */
export const isToBeSent = ({ pending }: Pick<ChunkRow, "pending">, now: number): boolean =>
  pending.some(({ dueAt }) => dueAt <= now);

/** Whether every chunk of the plan was stored: chunks are inserted in order, so a plan breaks off but has no holes. */
export const isPlanComplete = (rows: readonly Pick<ChunkRow, "of">[]): boolean =>
  rows.length > 0 && rows.length >= Math.max(...rows.map((row) => row.of));

/** Devices that no chunk of the plan has yet, neither by themselves nor by their token. */
export function notIn(rows: readonly ChunkRow[], targets: readonly Target[]): readonly Target[] {
  const devices = new Set(
    rows.flatMap(({ pending, outcomes }) => [...pending.map(keyOfTarget), ...outcomes.map(keyOfOutcome)]),
  );
  const tokens = new Set(rows.flatMap(({ pending }) => pending.map(tokenKey)));
  return targets.filter((target) => !devices.has(keyOfTarget(target)) && !tokens.has(tokenKey(target)));
}

const tokenKey = ({ kind, token }: Target): string => `${kind}/${token}`;
const keyOfTarget = ({ userId, deviceId }: Target): string => JSON.stringify([userId, deviceId]);
const keyOfOutcome = ({ user, device }: PushOutcome): string => JSON.stringify([user, device]);

/** The row after a send: who has a verdict that is final leaves `pending`, who must wait stays there with a time. */
export function settle(row: ChunkRow, verdicts: ReadonlyMap<Target, Verdict>, now: number): Settlement {
  const pending: Target[] = [];
  const outcomes = [...row.outcomes];
  let isParked = false;
  for (const target of row.pending) {
    const verdict = verdicts.get(target);
    const waitMs = verdict === undefined ? null : waitOf(verdict);
    if (verdict === undefined) {
      pending.push(target);
      isParked ||= row.parked;
    } else if (verdict.kind === "deferred") pending.push({ ...target, dueAt: verdict.until, waitsFor: verdict.policy });
    else if (waitMs === null) outcomes.push(outcomeOf(target, verdict, now));
    else pending.push({ ...withoutPolicy(target), dueAt: Math.min(now + waitMs, row.expiresAt) });
    isParked ||= verdict?.kind === "credential-refused";
  }
  const dueAt = pending.length === 0 ? null : Math.min(...pending.map((target) => target.dueAt));
  const waiting = pending.length;
  return { dueAt, parked: isParked, pending, outcomes, ...countsOf(outcomes), waiting, unsettled: waiting };
}

type Counts = Pick<Settlement, "accepted" | "acceptedOn" | "failed" | "skipped" | "expired">;

function countsOf(outcomes: readonly PushOutcome[]): Counts {
  const counts = { accepted: 0, acceptedOn: { ios: 0, android: 0, web: 0 }, failed: 0, skipped: 0, expired: 0 };
  for (const { outcome, platform } of outcomes) {
    counts[outcome] += 1;
    if (outcome === "accepted") counts.acceptedOn[platform] += 1;
  }
  return counts;
}

/** It has let it pass, and a provider has not. */
function withoutPolicy(target: Target): Target {
  const { waitsFor: _waitsFor, ...others } = target;
  return others;
}

/** How long until the next try; null when there is none. */
function waitOf(verdict: Verdict): number | null {
  if (verdict.kind === "credential-refused") return PARKED_MS;
  return verdict.kind === "unavailable" ? Math.max(Math.ceil(verdict.retryAfterMs), SHORTEST_WAIT_MS) : null;
}

/** Of a verdict that is final. */
function outcomeOf({ userId, deviceId, platform }: Target, verdict: Verdict, at: number): PushOutcome {
  const base = { user: userId, device: deviceId, platform, reason: null, providerId: null, at };
  switch (verdict.kind) {
    case "accepted":
      return { ...base, outcome: "accepted", providerId: verdict.providerId };
    case "skipped":
      return { ...base, outcome: "skipped", policy: verdict.policy };
    case "expired":
      return { ...base, outcome: "expired" };
    case "deferred":
      throw new Error("a push that waits has no outcome");
    default:
      return { ...base, outcome: "failed", reason: verdict.reason };
  }
}
