import {
  type Closing,
  type ConversationLifecycle,
  type ConversationStep,
  type ConversationTerms,
  ConversationWarning,
  LifecycleState,
  Millis,
  type PlannedStep,
  SystemMessage,
} from "@strata/contracts";
import { z } from "zod";

/** The step that was taken last, so that all that follows from it can be done from the row alone. */
const TakenStep = z.object({
  /** The command. */
  by: z.string(),
  step: z.enum(["open", "warn", "close"]),
  at: Millis,
  /** Of the conversation then. */
  version: z.number().int(),
  isFollowed: z.boolean(),
});

/** What a conversation does by itself, and how far it has come. */
export const Lifecycle = z.object({
  state: LifecycleState,
  /** Goes up with every step and every change: a command that was made for an older one does nothing. */
  revision: z.number().int(),
  opensAt: Millis.nullable(),
  openedAt: Millis.nullable(),
  expiresAt: Millis.nullable(),
  ttlMs: z.number().int().nullable(),
  /** Gone with the conversation. */
  warning: ConversationWarning.nullable().default(null),
  warnedAt: Millis.nullable(),
  closedAt: Millis.nullable(),
  graceMs: z.number().int(),
  /** Until it is sent. */
  iceBreaker: z.array(SystemMessage).default([]),
  /** Since when nothing happens by itself any more. */
  canceledAt: Millis.nullable(),
  lastStep: TakenStep.optional(),
  /** The command that set, changed or canceled it last. */
  setBy: z.string(),
});
export type Lifecycle = z.infer<typeof Lifecycle>;

/** A step that is to come. */
export interface DueStep {
  readonly step: ConversationStep;
  readonly at: number;
}

/** From a closing to the deletion where nobody has said another, also where it is first to close by a change. */
const USUAL_GRACE_MS = 86_400_000;

/** What an open conversation is that was never asked to do anything. */
export const openLifecycle = (openedAt: number, setBy: string): Lifecycle => ({
  state: "open",
  revision: 0,
  opensAt: null,
  openedAt,
  expiresAt: null,
  ttlMs: null,
  warning: null,
  warnedAt: null,
  closedAt: null,
  graceMs: USUAL_GRACE_MS,
  iceBreaker: [],
  canceledAt: null,
  setBy,
});

export const closingFields = (closing: Closing | null): Pick<Lifecycle, "expiresAt" | "ttlMs"> => ({
  expiresAt: closing !== null && "expiresAt" in closing ? closing.expiresAt : null,
  ttlMs: closing !== null && "ttlMs" in closing ? closing.ttlMs : null,
});

/** As it begins; undefined where nothing happens by itself. */
export function newLifecycle(terms: ConversationTerms | undefined, at: number, setBy: string): Lifecycle | undefined {
  if (!terms) return undefined;
  const { opensAt, iceBreaker, closing, graceMs, warning } = terms;
  if (opensAt === null && closing === null && iceBreaker.length === 0) return undefined;
  const lifecycle = { ...openLifecycle(at, setBy), ...closingFields(closing), graceMs, warning, iceBreaker };
  return opensAt === null ? lifecycle : { ...lifecycle, state: "scheduled", opensAt, openedAt: null };
}

interface Lived {
  readonly lifecycle?: Lifecycle | undefined;
}

/** Made for later: to users it is not there yet, and where it was deleted then, it never was. */
export const isUnopened = ({ lifecycle }: Lived): boolean => lifecycle?.state === "scheduled";

/** When it closes by what it was asked for; a time to live begins as it opens. */
function plannedClosing({ openedAt, opensAt, expiresAt, ttlMs }: Lifecycle): number | null {
  return ttlMs === null ? expiresAt : (openedAt ?? opensAt ?? 0) + ttlMs;
}

/** When it closed or will close; null: it stays open. */
export const closingOf = (lifecycle: Lifecycle): number | null =>
  lifecycle.closedAt ?? (lifecycle.canceledAt === null ? plannedClosing(lifecycle) : null);

/** Whether messages are taken: the clock decides, also where the step itself is a moment late. */
export function takesMessages({ lifecycle }: Lived, now: number): boolean {
  if (!lifecycle) return true;
  const closesAt = closingOf(lifecycle);
  return lifecycle.state === "open" && (closesAt === null || now < closesAt);
}

/** What it was asked to do and has not done, in order. A warning at the moment of the closing or after it is none. */
function remaining(lifecycle: Lifecycle, now: number): readonly DueStep[] {
  const { state, opensAt, warning, warnedAt, closedAt, graceMs } = lifecycle;
  const steps: DueStep[] = state === "scheduled" ? [{ step: "open", at: opensAt ?? 0 }] : [];
  const closesAt = closedAt ?? plannedClosing(lifecycle);
  if (closesAt === null) return steps;
  if (state !== "closed") {
    const isWarned = warnedAt !== null || now >= closesAt;
    if (warning !== null && !isWarned) steps.push({ step: "warn", at: closesAt - warning.beforeMs });
    steps.push({ step: "close", at: closesAt });
  }
  return [...steps, { step: "delete", at: closesAt + graceMs }];
}

/** What is to come, in order. */
export const stepsToCome = (lifecycle: Lifecycle, now: number): readonly DueStep[] =>
  lifecycle.canceledAt === null ? remaining(lifecycle, now) : [];

export const nextStep = (lifecycle: Lifecycle, now: number): DueStep | null => stepsToCome(lifecycle, now)[0] ?? null;

/** As its app's backend sees it. */
export function lifecycleView(lifecycle: Lifecycle): ConversationLifecycle {
  const { state, openedAt, warnedAt, closedAt, canceledAt } = lifecycle;
  const done = [
    ["open", openedAt],
    ["warn", warnedAt],
    ["close", closedAt],
  ] as const;
  const happened = done.flatMap(([step, at]): PlannedStep[] => (at === null ? [] : [{ step, state: "done", at }]));
  const pending = canceledAt === null ? "pending" : "canceled";
  // What it was like when it was canceled stays what it would have been.
  const rest = remaining(lifecycle, canceledAt ?? 0).map(({ step, at }): PlannedStep => ({ step, state: pending, at }));
  return { state, steps: [...happened, ...rest] };
}

/** After a step other than the deletion. `by` is the command that takes it. */
export function afterStep(
  lifecycle: Lifecycle,
  { step, at }: { readonly step: "open" | "warn" | "close"; readonly at: number },
  taken: { readonly by: string; readonly version: number },
): Lifecycle {
  const lastStep = { ...taken, step, at, isFollowed: false };
  const moved = { ...lifecycle, revision: lifecycle.revision + 1, lastStep };
  if (step === "open") return { ...moved, state: "open", openedAt: at };
  return step === "warn" ? { ...moved, warnedAt: at } : { ...moved, state: "closed", closedAt: at };
}
