import type { ModerationAction, ModerationDecisionRequested, PayloadOf, Review } from "@strata/contracts";
import { formatTime, identityUri, objectUri } from "@strata/layer-protocol";
import { z } from "zod";
import type { UrlAnswer } from "../call-url.ts";

type Requested = PayloadOf<typeof ModerationDecisionRequested>;

/** What a backend is told of a decision that waits for it, under the names of the wire. */
export const requestOf = (decision: Requested): Record<string, unknown> => ({
  decision: {
    id: objectUri("decisions", decision.decisionId),
    user: { id: identityUri(decision.userId), user_id: decision.userId },
    threshold: decision.threshold,
    score: decision.score,
    policy_revision: decision.revision,
    at: formatTime(decision.at),
    actions: decision.actions.map(actionOf),
  },
});

function actionOf(action: ModerationAction) {
  switch (action.kind) {
    case "warn":
      return { type: action.kind, text: action.text };
    case "mute":
      return { type: action.kind, seconds: action.seconds };
    default:
      return { type: action.kind };
  }
}

/** Who says it, where the backend names nobody. */
const WEBHOOK = "webhook";

const Verdict = z.object({
  verdict: z.enum(["confirm", "dismiss"]),
  by: z.string().min(1).max(256).default(WEBHOOK),
  note: z.string().max(2_000).nullish(),
});

/** An answer that says what is to become of the decision; one that leaves it to people; or one that is none. */
export type DecisionAnswer =
  | { readonly kind: "verdict"; readonly review: Omit<Review, "at"> }
  | { readonly kind: "later" }
  | { readonly kind: "failed"; readonly error: string; readonly isFinal: boolean };

const GONE = 410;

/** What a backend said: of a decision it may say nothing yet, and answer by the API once somebody has looked at it. */
export function decisionAnswerOf({ status, body }: UrlAnswer): DecisionAnswer {
  if (status < 200 || status > 299) {
    return { kind: "failed", error: `it answered ${status}`, isFinal: status === GONE };
  }
  const said = objectOf(body);
  if (said === null || !("verdict" in said)) return { kind: "later" };
  const parsed = Verdict.safeParse(said);
  if (!parsed.success) {
    const error = `its answer is not understood: ${z.prettifyError(parsed.error)}`.slice(0, 500).toWellFormed();
    return { kind: "failed", error, isFinal: false };
  }
  const { verdict, by, note = null } = parsed.data;
  return { kind: "verdict", review: { verdict, by, note } };
}

function objectOf(body: string): object | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
