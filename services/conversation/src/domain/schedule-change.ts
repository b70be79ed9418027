import type { ScheduleChange } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import type { ConversationRow } from "./conversation.ts";
import { closingFields, closingOf, type Lifecycle, nextStep, openLifecycle } from "./lifecycle.ts";

interface Change {
  readonly by: string;
  readonly now: number;
}

/** The fields of a change that may still be made in each state: those of steps that have not happened. */
const CHANGEABLE: Readonly<Record<Lifecycle["state"], readonly (keyof ScheduleChange)[]>> = {
  scheduled: ["opensAt", "iceBreaker", "closing", "graceMs", "warning"],
  open: ["closing", "graceMs", "warning"],
  closed: ["graceMs"],
};

const lifecycleOf = ({ lifecycle, createdAt, by }: ConversationRow): Lifecycle =>
  lifecycle ?? openLifecycle(createdAt, by);

const changed = (row: ConversationRow, lifecycle: Lifecycle, by: string): ConversationRow => ({
  ...row,
  version: row.version + 1,
  lifecycle: { ...lifecycle, revision: lifecycle.revision + 1, setBy: by },
});

/**
 * A conversation with its schedule changed; null when a step that is named has happened. A schedule that was canceled
 * goes on. Throws `invalid_property` for what does not go together.
 */
export function changeSchedule(row: ConversationRow, change: ScheduleChange, { by, now }: Change) {
  const before = lifecycleOf(row);
  const { opensAt, iceBreaker, closing, graceMs, warning } = change;
  const named = Object.entries(change).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (named.some((name) => !CHANGEABLE[before.state].some((changeable) => changeable === name))) return null;
  const after: Lifecycle = {
    ...before,
    canceledAt: null,
    ...(opensAt === undefined ? {} : { opensAt: opensAt ?? now }),
    ...(iceBreaker === undefined ? {} : { iceBreaker }),
    ...(closing === undefined ? {} : closingFields(closing)),
    ...(graceMs === undefined ? {} : { graceMs }),
    ...(warning === undefined ? {} : { warning }),
    // She who was warned of another moment is warned again.
    ...(closing === undefined && warning === undefined ? {} : { warnedAt: null }),
  };
  assertSound(after, change, now);
  return changed(row, after, by);
}

function assertSound(lifecycle: Lifecycle, change: ScheduleChange, now: number): void {
  const closesAt = closingOf(lifecycle);
  const { state, opensAt, openedAt, ttlMs } = lifecycle;
  const closing = ttlMs === null ? "expires_at" : "ttl_seconds";
  if (closesAt === null) {
    if (change.warning) throw refused("warning", "needs a conversation that closes");
    if (change.graceMs !== undefined) throw refused("grace_seconds", "needs a conversation that closes");
    return;
  }
  if (state === "closed") return;
  const from = state === "scheduled" ? Math.max(now, opensAt ?? now) : now;
  if (closesAt <= from) throw refused(closing, "must be after now, and after it opens");
  if (lifecycle.warning && lifecycle.warning.beforeMs >= closesAt - (openedAt ?? from)) {
    if (change.warning) throw refused("warning.before_seconds", "must be less than it is open");
    const lead = `${lifecycle.warning.beforeMs / 1_000} s before`;
    const property = change.closing ? closing : "opens_at";
    throw refused(property, `must leave time for the warning, ${lead} it closes: change the warning with it`);
  }
}

const refused = (property: string, reason: string): DomainError =>
  new DomainError("invalid_property", { property }, { message: `${property} ${reason}` });

/** A conversation that does nothing by itself any more; null where it does nothing anyway. */
export function cancelSchedule(row: ConversationRow, { by, now }: Change): ConversationRow | null {
  const { lifecycle } = row;
  if (!lifecycle || nextStep(lifecycle, now) === null) return null;
  return changed(row, { ...lifecycle, canceledAt: now }, by);
}
