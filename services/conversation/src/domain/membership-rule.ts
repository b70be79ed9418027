import { type AudienceFilter, MembershipRule, type RuleOutcome, RuleRun, type RuleTerms } from "@strata/contracts";
import { z } from "zod";
import { madeUuid } from "./made-uuid.ts";

/** A rule as it is kept. Deleted it is a tombstone, so that nothing late brings it back. */
export const RuleRow = MembershipRule.omit({ conversationId: true }).extend({
  _id: z.string(),
  app: z.string(),
  /** The conversation that is being filled: 0 before the first. */
  current: z.number().int(),
  deletedAt: z.number().nullable(),
  /** The command that set or deleted it last. */
  by: z.string(),
});
export type RuleRow = z.infer<typeof RuleRow>;

export const ruleKey = (app: string, ruleId: string): string => `${app}/${ruleId}`;

/** The n-th conversation of a rule: whoever needs it first makes it, and all make the same. */
export const conversationOfRule = ({ _id }: Pick<RuleRow, "_id">, n: number): string => madeUuid(`${_id}/${n}`);

export const ruleOf = (row: RuleRow): MembershipRule =>
  MembershipRule.parse({ ...row, conversationId: row.current === 0 ? null : conversationOfRule(row, row.current) });

/** How a run goes through the users: those of one partition behind another, once for warnings and once for the rest. */
const RunPlace = z.object({
  phase: z.enum(["warn", "act"]),
  partition: z.number().int(),
  after: z.string().nullable(),
});
export type RunPlace = z.infer<typeof RunPlace>;

/** A run as it is kept, and how far it has come. */
export const RunRow = RuleRun.extend({
  _id: z.string(),
  app: z.string(),
  place: RunPlace,
  /** Goes up with every page, so that none is counted twice. */
  page: z.number().int(),
  /** null: it has ended. */
  dueAt: z.number().nullable(),
  by: z.string(),
});
export type RunRow = z.infer<typeof RunRow>;

export const runKey = (app: string, ruleId: string, runId: string): string => `${app}/${ruleId}/${runId}`;
export const runOf = (row: RunRow): RuleRun => RuleRun.parse(row);

interface Beginning {
  readonly rule: RuleRow;
  readonly runId: string;
  readonly isDryRun: boolean;
  readonly at: number;
  readonly by: string;
}

/** A run as it begins. */
export const newRun = ({ rule, runId, isDryRun, at, by }: Beginning): RunRow => ({
  _id: runKey(rule.app, rule.ruleId, runId),
  app: rule.app,
  ruleId: rule.ruleId,
  runId,
  isDryRun,
  state: "running",
  startedAt: at,
  endedAt: null,
  counts: { joined: 0, warned: 0, left: 0, already: 0, refused: 0 },
  sample: [],
  place: { phase: rule.terms.kind === "leave" && rule.terms.warning ? "warn" : "act", partition: 0, after: null },
  page: 0,
  dueAt: at,
  by,
});

/** As many as a person looks at. */
const SAMPLE = 100;

interface Happened {
  readonly userId: string;
  readonly outcome: RuleOutcome;
}

/** A run after one more page; `next` null: it was the last. */
export function afterPage(run: RunRow, happened: readonly Happened[], next: RunPlace | null, now: number): RunRow {
  const counts = { ...run.counts };
  for (const { outcome } of happened) counts[outcome] = (counts[outcome] ?? 0) + 1;
  const sample = [...run.sample, ...happened].slice(0, SAMPLE);
  const moved = { ...run, counts, sample, page: run.page + 1 };
  return next === null ? { ...moved, state: "done", endedAt: now, dueAt: null } : { ...moved, place: next, dueAt: now };
}

/** Who has not been seen since a time; of who never was, who is known since before. */
const unseenSince = (at: number): AudienceFilter => ({
  or: [
    { field: "last_seen_at", lt: at },
    {
      and: [
        { field: "last_seen_at", exists: false },
        { field: "created_at", lt: at },
      ],
    },
  ],
});

/** Whom a run of a rule looks at in a phase. */
export function filterOf({ terms }: RuleRow, { startedAt, place }: RunRow): AudienceFilter {
  if (terms.kind === "join") return terms.filter;
  const lapsed = unseenSince(lapsedBefore(terms, { startedAt, place }));
  return terms.filter === null ? lapsed : { and: [terms.filter, lapsed] };
}

/** Since when somebody must not have been seen, to be warned or to leave. */
export function lapsedBefore(
  terms: Pick<Extract<RuleTerms, { kind: "leave" }>, "inactiveMs" | "warning">,
  { startedAt, place }: Pick<RunRow, "startedAt" | "place">,
): number {
  const beforeMs = place.phase === "warn" ? (terms.warning?.beforeMs ?? 0) : 0;
  return startedAt - terms.inactiveMs + beforeMs;
}
