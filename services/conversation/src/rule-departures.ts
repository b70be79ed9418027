import { createHash } from "node:crypto";
import { AnnounceToFew, ChangeConversation, type ConversationWarning, RuleUserLeft } from "@strata/contracts";
import type { Cause } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { madeUuid } from "./domain/made-uuid.ts";
import type { RuleRow, RunRow } from "./domain/membership-rule.ts";
import { membershipKey } from "./domain/membership.ts";
import type { PlacingDeps } from "./rule-placements.ts";
import type { MembershipStore } from "./store/membership-store.ts";

export interface LeavingDeps extends PlacingDeps {
  readonly memberships: MembershipStore;
}

const PAGE = 500;

/**
 * The conversations that a rule may take a user out of: that in which another rule put her, or all that she takes part in.
 */
async function* conversationsOf({ members, memberships }: LeavingDeps, rule: RuleRow, userId: string) {
  const { app, terms } = rule;
  if (terms.kind !== "leave") return;
  if (terms.joinRuleId !== null) {
    const joined = await members.find({ app, ruleId: terms.joinRuleId }, [userId]);
    const conversationId = joined.get(userId)?.conversationId ?? null;
    if (conversationId !== null) yield* await partOf(memberships, app, userId, [conversationId]);
    return;
  }
  for (let after: string | null = null; ;) {
    const page: readonly string[] = await memberships.conversationsOf(app, userId, after, PAGE);
    yield* await partOf(memberships, app, userId, page);
    if (page.length < PAGE) return;
    after = page.at(-1) ?? null;
  }
}

/** Those of some conversations in which she takes part. */
async function partOf(memberships: MembershipStore, app: string, userId: string, ids: readonly string[]) {
  const rows = await memberships.findMany(ids.map((id) => membershipKey(app, userId, id)));
  return ids.filter((id) => {
    const row = rows.get(membershipKey(app, userId, id));
    return row !== undefined && row.leftAt === null && !row.isDeleted;
  });
}

const takesPart = async (deps: LeavingDeps, rule: RuleRow, userId: string): Promise<boolean> => {
  for await (const _conversation of conversationsOf(deps, rule, userId)) return true;
  return false;
};

/**
 * Warns those of a page who take part in anything and have not been warned, by one announcement whose id follows from the
 * page: a page that is done again announces nothing twice. Who was warned before stays so as long as she is found again.
 */
export const warnPage =
  (deps: LeavingDeps) => async (rule: RuleRow, run: RunRow, userIds: readonly string[], cause: Cause) => {
    const { app, ruleId, terms } = rule;
    const warning = terms.kind === "leave" ? terms.warning : null;
    if (warning === null) return [];
    const known = await deps.members.find(rule, userIds);
    const fresh: string[] = [];
    for (const userId of userIds) {
      const member = known.get(userId);
      // This run has warned her already, and died before it said so.
      const isOwn = member !== undefined && member.run === run.runId && member.at >= run.startedAt;
      if (isOwn || (!member && (await takesPart(deps, rule, userId)))) fresh.push(userId);
    }
    if (!run.isDryRun) {
      await announce(deps, run, warning, fresh, cause);
      const at = deps.now();
      await deps.members.insertNew(
        fresh.map((user) => ({ app, ruleId, user, conversationId: null, at, run: run.runId })),
      );
      await deps.members.keep(rule, [...known.keys()], { run: run.runId, at });
    }
    return fresh.map((userId) => ({ userId, outcome: "warned" as const }));
  };

async function announce(
  { client }: LeavingDeps,
  { _id, app, page }: RunRow,
  { message }: ConversationWarning,
  recipients: readonly string[],
  cause: Cause,
): Promise<void> {
  if (recipients.length === 0) return;
  const announcementId = madeUuid(`${_id}/${page}/warning`);
  const digest = createHash("sha256").update(JSON.stringify(recipients)).digest("hex");
  const announcement = { announcementId, digest, ...message, recipients: [...recipients] };
  await client.request(AnnounceToFew, app, announcement, { id: `${_id}/${page}/warning`, cause });
}

/** Takes those of a page who were warned long enough ago, or need no warning, out of conversations. */
export const departPage =
  (deps: LeavingDeps) => async (rule: RuleRow, run: RunRow, userIds: readonly string[], cause: Cause) => {
    const { terms } = rule;
    if (terms.kind !== "leave") return [];
    const { warning } = terms;
    const known = await deps.members.find(rule, userIds);
    const left = [];
    for (const userId of userIds) {
      const member = known.get(userId);
      const isDue = warning === null || (member !== undefined && member.at <= run.startedAt - warning.beforeMs);
      if (!isDue) continue;
      const isLeaving = run.isDryRun
        ? await takesPart(deps, rule, userId)
        : await depart(deps, rule, run, userId, { cause, isBegun: (member?.leaving ?? []).length > 0 });
      if (isLeaving) left.push({ userId, outcome: "left" as const });
    }
    return left;
  };

interface Departing {
  readonly cause: Cause;
  /** A process has died over it: what she is out of already is left to be told. */
  readonly isBegun: boolean;
}

/**
 * Takes a user out of her conversations; answers whether there was any. Which ones is written down first, and dropped last,
 * behind the event: whoever does it again does not find her in those that she is out of.
 */
async function depart(
  deps: LeavingDeps,
  rule: RuleRow,
  run: RunRow,
  userId: string,
  { cause, isBegun }: Departing,
): Promise<boolean> {
  const { members, publisher, now } = deps;
  const { app, ruleId } = rule;
  const found: string[] = [];
  for await (const conversationId of conversationsOf(deps, rule, userId)) found.push(conversationId);
  if (found.length === 0 && !isBegun) return false;
  const leaving = await members.leave(rule, userId, found, { at: now(), run: run.runId });
  const conversationIds: string[] = [];
  for (const conversationId of leaving) {
    if (await remove(deps, run, { conversationId, userId }, cause)) conversationIds.push(conversationId);
  }
  if (conversationIds.length > 0) {
    const left = { ruleId, conversationIds, userId, at: now() };
    await publisher.emit(RuleUserLeft, app, left, { id: `${run._id}/${userId}/left`, cause });
  }
  await members.drop(rule, userId);
  return conversationIds.length > 0;
}

/** Whether she is out of it; not where it is gone: there is nothing to leave any more. */
async function remove(
  { client }: LeavingDeps,
  { _id, app }: RunRow,
  { conversationId, userId }: { readonly conversationId: string; readonly userId: string },
  cause: Cause,
): Promise<boolean> {
  const change = {
    conversationId,
    actor: null,
    changes: [{ kind: "remove-participant" as const, userId }],
    limits: { maxParticipants: 1_000, maxMetadataBytes: Number.MAX_SAFE_INTEGER },
  };
  try {
    await client.request(ChangeConversation, app, change, { id: `${_id}/${conversationId}/${userId}`, cause });
    return true;
  } catch (error) {
    // Deleted meanwhile.
    if (!(error instanceof DomainError) || !["object_deleted", "not_found"].includes(error.code)) throw error;
    return false;
  }
}
