import {
  BEFORE_SEND,
  type BeforeSend,
  type BeforeSendVerdict,
  type NewPart,
  type RuleHit,
  ruleSubjectOf,
} from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { type CompiledPolicy, type Draft, judge, type Judgement, type Said } from "./message-policy.ts";

interface AskedDraft extends Draft<NewPart> {
  /** What the app's backend said of it; null: it is not to be asked; absent: it was not asked yet. */
  readonly verdict?: BeforeSendVerdict | null | undefined;
}

/** A policy that names a rule of its backend is asked again soon: how soon, is what a caller may hold to. */
const RETRY_AFTER_MS = 2_000;

export const unanswered = (): DomainError =>
  new DomainError(
    "service_unavailable",
    { retryAfterMs: RETRY_AFTER_MS },
    { message: "the app's backend, which decides about messages, did not answer" },
  );

/**
 * What rules and backend together make of a message. What a rule refuses is not asked about; of what was asked about, rules
 * judge what the backend leaves of it, so that none of them can be got round by its answer.
 */
export function judgeAsking(compiled: CompiledPolicy, draft: AskedDraft): Judgement {
  const webhook = compiled.policy.beforeSend ?? null;
  const isConcerned =
    webhook !== null && webhook.state !== "inactive" && webhook.appliesTo.includes(ruleSubjectOf(draft));
  if (!isConcerned || draft.verdict === null) return judge(compiled, draft);
  if (draft.verdict === undefined) {
    const judgement = judge(compiled, draft);
    return judgement.refusedBy === null ? { ...judgement, asks: webhook } : judgement;
  }
  return judgeHeard(compiled, draft, webhook, draft.verdict);
}

function judgeHeard(
  compiled: CompiledPolicy,
  draft: AskedDraft,
  webhook: BeforeSend,
  verdict: BeforeSendVerdict,
): Judgement {
  const hit = hitOf(webhook, verdict);
  const { action } = hit;
  const isActive = webhook.state === "active";
  if (isActive && action === "refuse") {
    const { parts, notification } = draft;
    const refused = { parts, notification, hits: [hit], rates: [] };
    return verdict.outcome === "none"
      ? { ...refused, refusedBy: null, isUnanswered: true }
      : { ...refused, refusedBy: BEFORE_SEND };
  }
  const said = isActive && action === "replace" ? replaced(draft, verdict) : draft;
  const judgement = judge(compiled, { ...draft, ...said });
  return { ...judgement, hits: [hit, ...judgement.hits] };
}

const hitOf = ({ onFailure, state }: BeforeSend, { outcome, note }: BeforeSendVerdict): RuleHit => ({
  rule: BEFORE_SEND,
  kind: BEFORE_SEND,
  action: outcome === "none" ? onFailure : outcome,
  isDryRun: state === "dry_run",
  ...(note === null ? {} : { note }),
});

/** Parts beyond those that the backend answered for, and uploaded content, stay as they are. */
function replaced({ parts, notification }: AskedDraft, verdict: BeforeSendVerdict): Said<NewPart> {
  return {
    parts: parts.map((part, index) => {
      const text = verdict.parts?.[index];
      return text && part.content === null ? { ...part, ...text, encoding: null } : part;
    }),
    notification: verdict.notification ?? notification,
  };
}
