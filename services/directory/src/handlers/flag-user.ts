import {
  FlagChanged,
  FlagCreated,
  type FlagUser,
  type ModerationPolicy,
  type PayloadOf,
  type ReplyOf,
  type StandingModerationPolicy,
} from "@strata/contracts";
import { type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { flaggedAgain, flagAsMade, flagKey, flagOf, type FlagRow, isKnownReason } from "../domain/flag.ts";
import { isKnownAt, type UserRow } from "../domain/user.ts";
import { judge, type JudgingDeps as Deps } from "../moderating/judge.ts";

type Flagging = Delivery<PayloadOf<typeof FlagUser>>;
type Flagged = ReplyOf<typeof FlagUser>;

const HOUR_MS = 3_600_000;

/**
 * Stores that somebody objects to a user, once for each flagger and subject. It is one writer for all flags of a user, since
 * they come in her lane; a command that comes again finds its own row.
 */
export const flagUser =
  (deps: Deps) =>
  async (delivery: Flagging): Promise<Outcome<Flagged>> => {
    const { app, payload, id } = delivery;
    const [standing, user, flagger, found] = await Promise.all([
      deps.moderationPolicies.find(app),
      deps.identities.find(app, payload.userId),
      deps.identities.find(app, payload.by),
      deps.flags.findOf(app, subjectOf(payload)),
    ]);
    const refusal = refusalOf(delivery, { user, flagger, policy: standing.policy });
    if (refusal) return refuse(refusal);
    if (found && found.madeBy !== id) return again(deps, delivery, found, standing);
    // Taken back since: it is answered as it was, and nothing brings it back.
    if (found?.state === "withdrawn") return reply({ outcome: "created", flag: flagAsMade(found) });

    const limit = found ? null : await limitOf(deps, delivery, standing.policy.maxFlagsPerHour);
    if (limit) return refuse(limit);
    const stored = found ? { kind: "stored" as const, row: found } : await deps.flags.insert(rowOf(delivery));
    if (stored.kind === "in-use") return reply({ outcome: "in-use", flag: flagOf(stored.row) });
    if (stored.kind === "there") throw new Error("the flag was made by somebody else meanwhile");
    // Deleted meanwhile, in a lane of his own: what is by him goes, whichever of the two came first.
    if ((await deps.identities.findForgotten(app, [payload.by], delivery.sentAt.getTime())).length > 0) {
      await deps.flags.forget(app, payload.by);
      return refuse(unknownFlagger());
    }
    await tell(deps, delivery, FlagCreated, stored.row);
    await judge(deps, delivery, payload, standing);
    return reply({ outcome: "created", flag: flagOf(stored.row) });
  };

async function again(
  deps: Deps,
  delivery: Flagging,
  found: FlagRow,
  standing: StandingModerationPolicy,
): Promise<Outcome<Flagged>> {
  const { id, payload } = delivery;
  if (found.flagId === payload.flagId) return reply({ outcome: "in-use", flag: flagOf(found) });
  let row = found;
  if (found.changedBy !== id) {
    const change = flaggedAgain(found, payload, standing.policy.windowSeconds * 1_000);
    if (change === null) return reply({ outcome: "exists", flag: flagOf(found) });
    row = await deps.flags.change(found, change, id);
  }
  await tell(deps, delivery, FlagChanged, row);
  await judge(deps, delivery, payload, standing);
  return reply({ outcome: "exists", flag: flagOf(row) });
}

interface Known {
  readonly user: UserRow | null;
  readonly flagger: UserRow | null;
  readonly policy: ModerationPolicy;
}

function refusalOf({ payload, sentAt }: Flagging, { user, flagger, policy }: Known): DomainError | null {
  const { userId, by, reason } = payload;
  if (!isKnownReason(reason, policy)) {
    return new DomainError(
      "invalid_property",
      { property: "reason" },
      { message: "reason is none that this app knows" },
    );
  }
  if (!user || !isKnownAt(user, sentAt)) return new DomainError("not_found");
  if (by === userId) {
    return new DomainError("invalid_property", { property: "by" }, { message: "nobody can flag herself" });
  }
  return flagger && isKnownAt(flagger, sentAt) ? null : unknownFlagger();
}

const unknownFlagger = (): DomainError =>
  new DomainError("invalid_property", { property: "by" }, { message: "by is no user whom this app knows" });

/** Counted from the rows, so that it holds over restarts. Lanes of several users may let a few more through at once. */
async function limitOf(
  { flags }: Deps,
  { app, payload: { by, at } }: Flagging,
  max: number,
): Promise<DomainError | null> {
  const times = await flags.timesOf(app, by, at - HOUR_MS, max);
  const [oldest] = times;
  if (oldest === undefined || times.length < max) return null;
  const message = `a user may make ${max} flags in an hour (max_flags_per_hour of the moderation policy)`;
  return new DomainError("rate_limit_exceeded", { retryAfterMs: Math.max(1_000, oldest + HOUR_MS - at) }, { message });
}

const subjectOf = ({ userId, by, message }: Flagging["payload"]) => ({
  userId,
  by,
  messageId: message && message.messageId,
});

function rowOf({ app, id, payload }: Flagging): FlagRow {
  const { flagId, message, reason, comment, at } = payload;
  const subject = subjectOf(payload);
  return {
    _id: flagKey(app, subject),
    app,
    flagId,
    ...subject,
    conversationId: message && message.conversationId,
    reason,
    comment,
    state: "open",
    createdAt: at,
    changedAt: at,
    version: 1,
    madeBy: id,
    changedBy: id,
  };
}

async function tell(
  { publisher }: Deps,
  cause: Flagging,
  event: typeof FlagCreated | typeof FlagChanged,
  { flagId, userId, by, messageId, reason, version, changedAt }: FlagRow,
): Promise<void> {
  await publisher.emit(
    event,
    cause.app,
    { flagId, userId, by, messageId, reason, version, at: changedAt },
    { id: `${cause.id}.flag`, cause, subjectVersion: version },
  );
}
