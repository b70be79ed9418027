import { ChangeConversation, CreateConversation, RuleUserJoined } from "@strata/contracts";
import type { Client, Delivery, Publisher } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { conversationOfRule, type RuleRow } from "./domain/membership-rule.ts";
import type { MembershipRuleStore } from "./store/membership-rule-store.ts";
import type { RuleMember, RuleMemberStore } from "./store/rule-member-store.ts";

export interface PlacingDeps {
  readonly rules: MembershipRuleStore;
  readonly members: RuleMemberStore;
  /** Through which a conversation's own lane is asked: there it is settled whether it is full. */
  readonly client: Client;
  readonly publisher: Publisher;
  readonly now: () => number;
}

type Cause = Pick<Delivery<unknown>, "id" | "traceparent">;
/** `runId`: of the run that does it; null: she signed up. */
type Placing = Cause & { readonly runId: string | null };

/** How many conversations may have filled up since the rule was read. */
const TURNS = 20;
/** The rule's own: what it makes is within what it was allowed. */
const UNBOUNDED_METADATA = 1_000_000;

/**
 * Puts a user into the conversation that a rule fills, and into the next one when that is full, or gone. She is put there
 * once, whatever she does afterwards. Which conversation is the n-th follows from the rule, so that all who need it first
 * make the same. Which one she is put into is written down first: whoever does it again, after a process died over it, looks
 * there before she goes on to where others are put by then.
 */
export const placeUser =
  (deps: PlacingDeps) =>
  async (rule: RuleRow, userId: string, cause: Placing): Promise<"joined" | "already" | "refused"> => {
    const { rules, members, now } = deps;
    const beginning = { placing: rule.current, at: now(), run: cause.runId };
    let member: RuleMember | null = await members.begin(rule, userId, beginning);
    for (let turn = 0; turn < TURNS; turn += 1) {
      if (member === null) return "refused";
      if (member.placing === undefined) return outcomeBefore(member, cause.runId);
      const row = { ...rule, current: member.placing };
      const outcome = row.current === 0 ? "full" : await join(deps, row, userId, cause);
      if (outcome !== "full") {
        await settle(deps, row, member, outcome, cause);
        return outcome;
      }
      await rules.advance(row);
      const next = await rules.find(rule.app, rule.ruleId);
      if (next === null) break;
      member = await members.goOn(member, next.current);
    }
    throw new Error(`conversations of ${rule._id} filled up again and again`);
  };

/** Told before it is settled: a repeat finds what is left to do, and says the same again. */
async function settle(
  { members, publisher }: PlacingDeps,
  rule: RuleRow,
  member: RuleMember,
  outcome: "joined" | "refused",
  cause: Placing,
): Promise<void> {
  const { app, ruleId } = rule;
  const { user: userId, at } = member;
  const conversationId = outcome === "joined" ? conversationOfRule(rule, rule.current) : null;
  if (conversationId !== null) {
    const joined = { ruleId, conversationId, userId, at };
    await publisher.emit(RuleUserJoined, app, joined, { id: `${cause.id}.${ruleId}.${userId}.joined`, cause });
  }
  await members.settle(member, { conversationId, run: cause.runId });
}

/** What came of it before: the run that has died since counts it as its own. */
function outcomeBefore({ run, conversationId }: RuleMember, runId: string | null) {
  if (runId === null || run !== runId) return "already";
  return conversationId === null ? "refused" : "joined";
}

/** Tries, makes the conversation where it is not there yet, and tries again. */
async function join(deps: PlacingDeps, row: RuleRow, userId: string, cause: Cause): Promise<Verdict> {
  const first = await add(deps, row, userId, cause);
  if (first !== "unmade") return first;
  await make(deps, row, cause);
  const second = await add(deps, row, userId, cause);
  if (second === "unmade") throw new Error(`${conversationOfRule(row, row.current)} was made, and is not there`);
  return second;
}

type Verdict = "joined" | "full" | "refused";

async function add({ client }: PlacingDeps, row: RuleRow, userId: string, cause: Cause): Promise<Verdict | "unmade"> {
  const { app, ruleId, terms, current } = row;
  if (terms.kind !== "join") throw new Error(`${row._id} puts nobody anywhere`);
  const change = {
    conversationId: conversationOfRule(row, current),
    actor: null,
    changes: [{ kind: "add-participant" as const, userId }],
    limits: { maxParticipants: terms.capacity, maxMetadataBytes: UNBOUNDED_METADATA },
  };
  try {
    await client.request(ChangeConversation, app, change, { id: `${cause.id}.${ruleId}.${current}.${userId}`, cause });
    return "joined";
  } catch (error) {
    if (error instanceof DomainError) return refusedAs(error);
    throw error;
  }
}

function refusedAs(error: DomainError): Verdict | "unmade" {
  switch (error.code) {
    case "not_found":
      return "unmade";
    case "object_deleted":
    case "conversation_closed":
      return "full";
    case "invalid_property":
      return error.details["property"] === "participants" ? "full" : "refused";
    case "access_denied":
    case "user_banned":
      return "refused";
    default:
      throw error;
  }
}

async function make({ client }: PlacingDeps, row: RuleRow, cause: Cause): Promise<void> {
  const { app, _id, terms, current } = row;
  if (terms.kind !== "join") return;
  const { capacity, metadata, visibleHistory } = terms;
  await client.request(
    CreateConversation,
    app,
    {
      conversationId: conversationOfRule(row, current),
      participants: [],
      distinct: false,
      metadata,
      limits: { maxParticipants: capacity, maxMetadataBytes: UNBOUNDED_METADATA },
      creator: null,
      terms: { opensAt: null, iceBreaker: [], closing: null, graceMs: 0, warning: null, visibleHistory },
    },
    { id: `${_id}/${current}`, cause },
  );
}
