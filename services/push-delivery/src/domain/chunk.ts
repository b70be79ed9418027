import { DeviceFields, Millis, Platform, UserId } from "@strata/contracts";
import { z } from "zod";
import { MAX_PUSHES_PER_SEND, type PushResult } from "../providers/push-provider.ts";
import { Subject } from "./subject.ts";

/** A device as a chunk remembers it until its push is settled. */
export const Target = DeviceFields.pick({
  platform: true,
  kind: true,
  token: true,
  environment: true,
  appBundle: true,
}).extend({
  userId: UserId,
  deviceId: z.string(),
  registeredAt: Millis,
  /** Not to be sent before. */
  dueAt: Millis,
});
export type Target = z.infer<typeof Target>;

/** What became of the push to one device, for good. */
const PushOutcome = z.object({
  user: z.string(),
  device: z.string(),
  platform: Platform,
  outcome: z.enum(["accepted", "failed"]),
  reason: z.string().nullable(),
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
  /** Since when an override's own time to live counts; rows of an older version do not say. */
  at: Millis.nullish(),
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
  "dueAt" | "parked" | "pending" | "outcomes" | "accepted" | "acceptedOn" | "failed"
>;

/** Everything that is to be pushed at one time about one subject: a batch of an announcement, or a whole message. */
export interface PushPlan {
  /** The same whenever this is planned again, and of no other plan. */
  readonly planId: string;
  readonly app: string;
  readonly subject: Subject;
  readonly hasNotification: boolean;
  readonly expiresAt: number;
  /** When it was accepted, and when it is over, by whatever time to live; absent: nobody says. */
  readonly at?: number;
  readonly endsAt?: number | null;
}

export type Verdict = PushResult | { readonly kind: "failed"; readonly reason: string };

/** How long a push waits for its credential to be put right before it is tried again unasked. */
const PARKED_MS = 300_000;
const SHORTEST_WAIT_MS = 500;

const chunkId = (planId: string, k: number): string => `${planId}/${String(k).padStart(4, "0")}`;

/**
 * The chunks of a plan: devices of one credential together, so that one that must wait holds up nobody else, and no
 * token twice. Numbered from `first`, behind the chunks that are there already.
 */
export function planChunks(
  plan: PushPlan,
  targets: readonly Target[],
  credentialOf: (target: Target) => string | null,
  claim: { readonly first: number; readonly holder: string; readonly leaseUntil: number },
): readonly ChunkRow[] {
  const byToken = new Map(targets.map((target) => [tokenKey(target), target]));
  const groups = [...Map.groupBy(byToken.values(), credentialOf)].flatMap(([credential, members]) =>
    Array.from({ length: Math.ceil(members.length / MAX_PUSHES_PER_SEND) }, (_, page) => ({
      credential,
      pending: members.slice(page * MAX_PUSHES_PER_SEND, (page + 1) * MAX_PUSHES_PER_SEND),
    })),
  );
  return groups.map(({ credential, pending }, index) => ({
    _id: chunkId(plan.planId, claim.first + index),
    app: plan.app,
    subject: plan.subject,
    of: claim.first + groups.length,
    credential,
    hasNotification: plan.hasNotification,
    expiresAt: plan.expiresAt,
    at: plan.at ?? null,
    holder: claim.holder,
    dueAt: claim.leaseUntil,
    parked: false,
    pending,
    outcomes: [],
    accepted: 0,
    acceptedOn: { ios: 0, android: 0, web: 0 },
    failed: 0,
  }));
}

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
    } else if (waitMs === null) outcomes.push(outcomeOf(target, verdict, now));
    else pending.push({ ...target, dueAt: Math.min(now + waitMs, row.expiresAt) });
    isParked ||= verdict?.kind === "credential-refused";
  }
  const taken = outcomes.filter(({ outcome }) => outcome === "accepted");
  const accepted = taken.length;
  const on = (platform: Platform): number => taken.filter((one) => one.platform === platform).length;
  const acceptedOn = { ios: on("ios"), android: on("android"), web: on("web") };
  const dueAt = pending.length === 0 ? null : Math.min(...pending.map((target) => target.dueAt));
  return { dueAt, parked: isParked, pending, outcomes, accepted, acceptedOn, failed: outcomes.length - accepted };
}

/** How long until the next try; null when there is none. */
function waitOf(verdict: Verdict): number | null {
  if (verdict.kind === "credential-refused") return PARKED_MS;
  return verdict.kind === "unavailable" ? Math.max(Math.ceil(verdict.retryAfterMs), SHORTEST_WAIT_MS) : null;
}

const outcomeOf = ({ userId, deviceId, platform }: Target, verdict: Verdict, at: number): PushOutcome => ({
  user: userId,
  device: deviceId,
  platform,
  outcome: verdict.kind === "accepted" ? "accepted" : "failed",
  reason: verdict.kind === "accepted" ? null : verdict.reason,
  providerId: verdict.kind === "accepted" ? verdict.providerId : null,
  at,
});
