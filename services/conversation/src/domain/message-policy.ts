import type {
  Authority,
  BeforeSend,
  MessagePolicy,
  MessageRule,
  NewPart,
  Notification,
  RateRule,
  RuleHit,
  Sender,
} from "@strata/contracts";
import { BEFORE_SEND, MAX_REGEX_RULES, ruleSubjectOf } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { mimeTypeOf, notificationWithTexts, type Rewrite, type TextPart, textsOf, withTexts } from "./policed-texts.ts";
import { type Finder, masked, newWork, PatternError, regexFinder, type Span, wordsFinder } from "./policy-finders.ts";

/** A part as far as a policy looks at it. */
type PolicedPart = TextPart & Pick<NewPart, "content">;

/** What is judged: a message, or the parts that a change brings. */
export interface Draft<P extends PolicedPart> {
  readonly sender: Sender;
  readonly authority: Authority;
  readonly parts: readonly P[];
  readonly notification: Notification | null;
  /** All parts that there would be then, whose number and size are measured; default: `parts`. */
  readonly whole?: readonly PolicedPart[];
}

/** What a policy makes of a message. */
export interface Judgement<P extends PolicedPart = NewPart> {
  readonly parts: readonly P[];
  readonly notification: Notification | null;
  readonly hits: readonly RuleHit[];
  /** The rule that refuses it; null: none does. */
  readonly refusedBy: string | null;
  /** Who is to be asked before it is placed. */
  readonly asks?: BeforeSend;
  /** Nobody answered, and without an answer it is not to be placed: it may be sent again. */
  readonly isUnanswered?: boolean;
  /** Those that are still to be asked, since only a count can answer for them. */
  readonly rates: readonly RateRule[];
}

/** A rule with what it looks for; null: it measures or counts. */
interface CompiledRule {
  readonly rule: MessageRule;
  readonly find: Finder | null;
}

export interface CompiledPolicy {
  readonly policy: MessagePolicy;
  readonly rules: readonly CompiledRule[];
}

/**
 * A policy that can judge. Patterns are compiled once, here.
 * @throws DomainError `invalid_property` for what no schema sees, by its place
 */
export function compilePolicy(policy: MessagePolicy): CompiledPolicy {
  const names = policy.rules.map(({ name }) => name);
  const repeated = names.findIndex((name, index) => names.indexOf(name) < index);
  if (repeated >= 0) throw wrong(`rules.${repeated}.name`, "is another rule's name too");
  const reserved = names.indexOf(BEFORE_SEND);
  if (reserved >= 0) throw wrong(`rules.${reserved}.name`, "is kept for what the backend says");
  if (policy.rules.filter(({ kind }) => kind === "regex").length > MAX_REGEX_RULES) {
    throw wrong("rules", `has more than ${MAX_REGEX_RULES} of kind regex`);
  }
  return { policy, rules: policy.rules.map((rule, index) => ({ rule, find: finderOf(rule, index) })) };
}

function finderOf(rule: MessageRule, index: number): Finder | null {
  switch (rule.kind) {
    case "words": {
      const finder = wordsFinder(rule.words);
      if (!finder) throw wrong(`rules.${index}.words`, "has an entry without a word");
      return finder;
    }
    case "regex":
      try {
        return regexFinder(rule.pattern, rule.isCaseSensitive);
      } catch (error) {
        throw error instanceof PatternError ? wrong(`rules.${index}.pattern`, error.message) : error;
      }
    default:
      return null;
  }
}

/** Positions are no part of a property's name on the wire; the text has them. */
const wrong = (place: string, what: string): DomainError =>
  new DomainError("invalid_property", { property: place.replace(/\.\d+/, "") }, { message: `${place}: ${what}` });

export const messageRefused = (rule: string): DomainError =>
  new DomainError("message_refused", { rule }, { message: `the app's rule "${rule}" refuses the message` });

/**
 * What the rules make of a message, in their order: each sees what those before it have masked, and none is asked once one
 * refuses. Rates are left to be counted, for what no other rule refuses.
 */
export function judge<P extends PolicedPart>({ policy, rules }: CompiledPolicy, draft: Draft<P>): Judgement<P> {
  const subject = ruleSubjectOf(draft);
  const hits: RuleHit[] = [];
  const rates: RateRule[] = [];
  const work = newWork();
  let said: Said<P> = { parts: draft.parts, notification: draft.notification };
  for (const { rule, find } of rules) {
    if (rule.state === "inactive" || !rule.appliesTo.includes(subject)) continue;
    if (rule.kind === "rate") {
      rates.push(rule);
      continue;
    }
    const after = find ? withoutFound(said, (text) => find(text, work), policy.mask) : said;
    if (find ? after === said : !exceeds(rule, said.parts, draft.whole ?? said.parts)) continue;
    hits.push(hitOf(rule));
    if (rule.state === "dry_run") continue;
    if (rule.action === "refuse") return { ...said, hits, refusedBy: rule.name, rates: [] };
    if (rule.action === "mask") said = after;
  }
  return { ...said, hits, refusedBy: null, rates };
}

/** A judgement once its rates were counted: in the order of the rules, those by which it is too many. */
export function withRates<P extends PolicedPart>(
  judgement: Judgement<P>,
  isExceeded: (rule: RateRule) => boolean,
): Judgement<P> {
  const exceeded = judgement.rates.filter(isExceeded);
  const refusing = exceeded.find(({ state, action }) => state === "active" && action === "refuse");
  const hits = [...judgement.hits, ...exceeded.map(hitOf)];
  return { ...judgement, hits, refusedBy: judgement.refusedBy ?? refusing?.name ?? null, rates: [] };
}

/** The rules that want their backend to be told of a message. */
export const flagsOf = (hits: readonly RuleHit[]): string[] =>
  hits.filter(({ action, isDryRun }) => action === "flag" && !isDryRun).map(({ rule }) => rule);

const hitOf = ({ name, kind, action, state }: MessageRule): RuleHit => ({
  rule: name,
  kind,
  action,
  isDryRun: state === "dry_run",
});

export type Said<P extends PolicedPart> = Pick<Judgement<P>, "parts" | "notification">;

/** What is said with a mask over all that is found; the very same where nothing is. */
function withoutFound<P extends PolicedPart>(
  said: Said<P>,
  find: (text: string) => readonly Span[],
  mask: string,
): Said<P> {
  let isFound = false;
  const rewrite: Rewrite = (text) => {
    const spans = find(text);
    if (spans.length === 0) return text;
    isFound = true;
    return masked(text, spans, mask);
  };
  const parts = said.parts.map((part) => withTexts(part, rewrite));
  const notification = said.notification && notificationWithTexts(said.notification, rewrite);
  return isFound ? { parts, notification } : said;
}

function exceeds(
  rule: Exclude<MessageRule, RateRule>,
  parts: readonly PolicedPart[],
  whole: readonly PolicedPart[],
): boolean {
  switch (rule.kind) {
    case "mime_types": {
      const isListed = (part: PolicedPart) => rule.types.some((type) => isOfType(mimeTypeOf(part), type.toLowerCase()));
      return rule.list === "deny" ? parts.some(isListed) : !parts.every(isListed);
    }
    case "size":
      return (
        isOver(whole.length, rule.maxParts) ||
        isOver(sum(textsOf(whole).map((text) => Buffer.byteLength(text))), rule.maxTextBytes) ||
        isOver(sum(whole.map(bytesOf)), rule.maxBytes)
      );
    default:
      return false;
  }
}

const isOfType = (type: string, wanted: string): boolean =>
  wanted === "*/*" || wanted === type || (wanted.endsWith("/*") && type.startsWith(wanted.slice(0, -1)));

const isOver = (value: number, most: number | null): boolean => most !== null && value > most;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const bytesOf = ({ body, encoding, content }: PolicedPart): number =>
  content?.size ?? Buffer.byteLength(body ?? "", encoding ?? "utf8");
