import { type BeforeSend, DEFAULT_MESSAGE_POLICY, type MessagePolicy, type MessageRule } from "@strata/contracts";

const common = { state: "active", appliesTo: ["users"] } satisfies Partial<MessageRule>;

/** Rules that hold for users, unless said otherwise. */
export const aWordsRule = (words: string[], changed: Partial<Extract<MessageRule, { kind: "words" }>> = {}) =>
  ({ kind: "words", name: "words", ...common, action: "refuse", words, ...changed }) satisfies MessageRule;
export const aRegexRule = (pattern: string, changed: Partial<Extract<MessageRule, { kind: "regex" }>> = {}) =>
  ({
    kind: "regex",
    name: "regex",
    ...common,
    action: "refuse",
    pattern,
    isCaseSensitive: false,
    ...changed,
  }) satisfies MessageRule;
export const aTypesRule = (list: "allow" | "deny", types: string[]) =>
  ({ kind: "mime_types", name: "types", ...common, action: "refuse", list, types }) satisfies MessageRule;
export const aSizeRule = (changed: Partial<Extract<MessageRule, { kind: "size" }>>) =>
  ({
    kind: "size",
    name: "size",
    ...common,
    action: "refuse",
    maxParts: null,
    maxTextBytes: null,
    maxBytes: null,
    ...changed,
  }) satisfies MessageRule;
export const aRateRule = (max: number, changed: Partial<Extract<MessageRule, { kind: "rate" }>> = {}) =>
  ({
    kind: "rate",
    name: "rate",
    ...common,
    action: "refuse",
    max,
    windowSeconds: 60,
    per: "sender",
    ...changed,
  }) satisfies MessageRule;

export const aPolicy = (rules: MessageRule[], changed: Partial<MessagePolicy> = {}): MessagePolicy => ({
  ...DEFAULT_MESSAGE_POLICY,
  rules,
  ...changed,
});

/** A backend that is asked about what users send, and without which it is placed. */
export const aBeforeSend = (changed: Partial<BeforeSend> = {}): BeforeSend => ({
  url: "https://backend.example.com/before_send",
  timeoutMs: 1_000,
  onFailure: "allow",
  state: "active",
  appliesTo: ["users"],
  ...changed,
});
