import { parseAudienceFilter } from "./audience.ts";
import type { AudienceFilter } from "./audience.ts";
import { audienceFilterView } from "./audience-views.ts";
import { parseMetadata, requireMetadataWithin } from "./conversation-metadata.ts";
import type { ConversationMetadata } from "./conversation-metadata.ts";
import type { ConversationLimits } from "./conversation-request.ts";
import { parseWarning } from "./conversation-terms.ts";
import type { Warning } from "./conversation-terms.ts";
import { invalidProperty, missingProperty } from "./errors.ts";
import { objectUri, parseObjectId } from "./ids.ts";
import { isAbsent, isJsonObject, requireJsonObject, requireProperties } from "./json-object.ts";
import type { JsonObject } from "./json-object.ts";
import type { PartLimits } from "./message-parts.ts";
import { formatOptionalTime, formatTime } from "./timestamps.ts";
import { appUrl } from "./urls.ts";
import type { WireContext } from "./urls.ts";
import type { LayerVersion } from "./versions.ts";

/** What a membership rule does. */
export type RuleTerms =
  | {
      kind: "join";
      filter: AudienceFilter;
      capacity: number;
      metadata: ConversationMetadata;
      visibleHistory: "all" | "from-joining";
    }
  | {
      kind: "leave";
      filter: AudienceFilter | null;
      inactiveMs: number;
      joinRuleId: string | null;
      warning: Warning | null;
      everyMs: number;
    };

export interface RuleRequest {
  name: string;
  isActive: boolean;
  terms: RuleTerms;
}

interface Reading extends PartLimits, ConversationLimits {
  readonly version: LayerVersion;
  readonly now: number;
}

const MAX_NAME_LENGTH = 128;
const MAX_SECONDS = 400 * 86_400;
const LEAST_PERIOD_SECONDS = 60;
const DAY_SECONDS = 86_400;
const HISTORIES = { all: "all", from_joining: "from-joining" } as const;

/**
 * Parses the body of `PUT /apps/:app/membership_rules/:rule`, an extension: a rule is set whole.
 * @throws LayerError 400 `invalid_request`; 422 `missing_property` or `invalid_property` with the path of what is wrong
 */
export function parseMembershipRule(body: unknown, reading: Reading): RuleRequest {
  const fields = requireJsonObject(body);
  requireProperties(fields, ["name"]);
  const { name, is_active: isActive, join, leave } = fields;
  if (typeof name !== "string" || name.trim() === "" || name.length > MAX_NAME_LENGTH || !name.isWellFormed()) {
    throw invalidProperty("name", `must have 1 to ${MAX_NAME_LENGTH} characters, and not blanks only`);
  }
  if (!isAbsent(isActive) && typeof isActive !== "boolean") throw invalidProperty("is_active", "must be true or false");
  if (isAbsent(join) && isAbsent(leave)) throw missingProperty("join");
  if (!isAbsent(join) && !isAbsent(leave)) throw invalidProperty("leave", "cannot go with join: these are two rules");
  const terms = isAbsent(leave) ? parseJoining(join, reading) : parseLeaving(leave, reading);
  return { name: name.trim(), isActive: isActive ?? true, terms };
}

function parseJoining(join: unknown, { maxParticipants, maxMetadataBytes }: Reading): RuleTerms {
  if (!isJsonObject(join)) throw invalidProperty("join", "must be an object");
  if (isAbsent(join.filter)) throw missingProperty("join.filter");
  const { capacity = maxParticipants, visible_history: visible = "all" } = join;
  if (typeof capacity !== "number" || !Number.isInteger(capacity) || capacity < 1 || capacity > maxParticipants) {
    throw invalidProperty("join.capacity", `must be an integer from 1 to ${maxParticipants}`);
  }
  if (visible !== "all" && visible !== "from_joining") {
    throw invalidProperty("join.visible_history", "must be all or from_joining");
  }
  const metadata = isAbsent(join.metadata) ? {} : parseMetadata(join.metadata);
  requireMetadataWithin(maxMetadataBytes, metadata);
  const filter = parseAudienceFilter(join.filter, "join.filter");
  return { kind: "join", filter, capacity, metadata, visibleHistory: HISTORIES[visible] };
}

function parseLeaving(leave: unknown, reading: Reading): RuleTerms {
  if (!isJsonObject(leave)) throw invalidProperty("leave", "must be an object");
  if (isAbsent(leave.inactive_seconds)) throw missingProperty("leave.inactive_seconds");
  const inactiveMs = seconds(leave.inactive_seconds, "leave.inactive_seconds", 1);
  const everyMs = seconds(leave.every_seconds ?? DAY_SECONDS, "leave.every_seconds", LEAST_PERIOD_SECONDS);
  const warning = parseWarning(leave.warning, reading, "leave.warning");
  if (warning !== null && warning.beforeMs >= inactiveMs) {
    throw invalidProperty("leave.warning.before_seconds", "must be less than inactive_seconds");
  }
  const filter = isAbsent(leave.filter) ? null : parseAudienceFilter(leave.filter, "leave.filter");
  return { kind: "leave", filter, inactiveMs, joinRuleId: parseJoinRule(leave.join_rule), warning, everyMs };
}

function parseJoinRule(reference: unknown): string | null {
  if (isAbsent(reference)) return null;
  const ruleId = typeof reference === "string" ? parseObjectId("membership_rules", reference) : null;
  if (ruleId === null) throw invalidProperty("leave.join_rule", "must be layer:///membership_rules/<uuid>");
  return ruleId;
}

function seconds(value: unknown, property: string, least: number): number {
  if (typeof value !== "number" || value < least || value > MAX_SECONDS) {
    throw invalidProperty(property, `must be a number from ${least} to ${MAX_SECONDS}`);
  }
  return Math.round(value * 1_000);
}

/**
 * Parses the body of `POST …/membership_rules/:rule/runs`; without one, it is no dry run.
 * @throws LayerError 400 `invalid_request`; 422 `invalid_property` `dry_run`
 */
export function parseRuleRun(body: unknown): { isDryRun: boolean } {
  const { dry_run: isDryRun } = body === undefined ? {} : requireJsonObject(body);
  if (!isAbsent(isDryRun) && typeof isDryRun !== "boolean") throw invalidProperty("dry_run", "must be true or false");
  return { isDryRun: isDryRun ?? false };
}

interface RuleFacts {
  readonly ruleId: string;
  readonly name: string;
  readonly isActive: boolean;
  readonly terms: RuleTermsFacts;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly conversationId: string | null;
  readonly nextRunAt: number | null;
}

type RuleTermsFacts =
  | Extract<RuleTerms, { kind: "join" }>
  | (Omit<Extract<RuleTerms, { kind: "leave" }>, "warning"> & {
      readonly warning: { readonly beforeMs: number } | null;
    });

/** A rule on the wire. What a warning says is not repeated, as with any other message that is to be sent. */
export function membershipRuleView(wire: WireContext, rule: RuleFacts): JsonObject {
  const { ruleId, name, isActive, terms, createdAt, updatedAt, conversationId, nextRunAt } = rule;
  return {
    id: objectUri("membership_rules", ruleId),
    url: `${appUrl(wire)}/membership_rules/${ruleId}`,
    name,
    is_active: isActive,
    ...(terms.kind === "join"
      ? { join: joiningView(terms, conversationId) }
      : { leave: leavingView(terms), next_run_at: formatOptionalTime(nextRunAt) }),
    created_at: formatTime(createdAt),
    updated_at: formatTime(updatedAt),
  };
}

const joiningView = (terms: Extract<RuleTermsFacts, { kind: "join" }>, conversationId: string | null): JsonObject => ({
  filter: audienceFilterView(terms.filter),
  capacity: terms.capacity,
  metadata: terms.metadata,
  visible_history: terms.visibleHistory === "all" ? "all" : "from_joining",
  conversation: conversationId === null ? null : { id: objectUri("conversations", conversationId) },
});

const leavingView = (terms: Extract<RuleTermsFacts, { kind: "leave" }>): JsonObject => ({
  filter: terms.filter === null ? null : audienceFilterView(terms.filter),
  inactive_seconds: terms.inactiveMs / 1_000,
  join_rule: terms.joinRuleId === null ? null : objectUri("membership_rules", terms.joinRuleId),
  warning: terms.warning === null ? null : { before_seconds: terms.warning.beforeMs / 1_000 },
  every_seconds: terms.everyMs / 1_000,
});

interface RunFacts {
  readonly runId: string;
  readonly ruleId: string;
  readonly isDryRun: boolean;
  readonly state: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly sample: readonly { readonly userId: string; readonly outcome: string }[];
}

/** A run on the wire. `userOf` names a user as the version does. */
export const ruleRunView = (wire: WireContext, run: RunFacts, userOf: (userId: string) => string): JsonObject => ({
  id: objectUri("rule_runs", run.runId),
  url: `${appUrl(wire)}/membership_rules/${run.ruleId}/runs/${run.runId}`,
  dry_run: run.isDryRun,
  state: run.state,
  counts: run.counts,
  users: run.sample.map(({ userId, outcome }) => ({ user_id: userOf(userId), outcome })),
  started_at: formatTime(run.startedAt),
  ended_at: formatOptionalTime(run.endedAt),
});
