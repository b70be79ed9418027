import { DEFAULT_PUSH_POLICY, type PushPolicy } from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";
import { collectInSlices } from "@strata/runtime";
import { keptMs } from "./domain/caps.ts";
import { decider, type Decision, type Facts, type PolicedPush, rulesOf } from "./domain/policy.ts";
import { quietUntilAt } from "./domain/quiet-hours.ts";
import { type FactsAsked, NO_FACTS, policyFacts } from "./policy-facts.ts";
import type { PushPolicies } from "./push-policies.ts";
import type { CapStore } from "./store/cap-store.ts";
import type { PreferenceStore } from "./store/preference-store.ts";

/** What one push is to one user, in policies' words. */
export type PushAbout = Pick<PolicedPush, "category" | "isSilent">;

export interface DecisionAsked extends Pick<PolicedPush, "at" | "expiresAt" | "isUrgent" | "isFollowUp"> {
  readonly app: string;
  readonly subject: FactsAsked["subject"];
  readonly senderId: string | null;
  readonly userIds: readonly string[];
  /** Not called where nothing is asked of policies. */
  readonly about: (userId: string) => PushAbout;
}

export interface PushDecisions {
  /**
   * What policies say of a push to each of these users. With `takesPlaces`, what may be sent has its place under the caps
   * of its user, and the same push has it still when it is asked about again; without, nothing is changed.
   */
  of(asked: DecisionAsked, takesPlaces: boolean, cause?: Cause): Promise<(userId: string) => Decision>;
}

interface Deps {
  readonly pushPolicies: Pick<PushPolicies, "of">;
  readonly preferences: Pick<PreferenceStore, "find">;
  readonly caps: Pick<CapStore, "take" | "look">;
  readonly client: Pick<Client, "ask">;
}

/** The one place where facts and rules meet: deliveries and explanations both come here. */
export function pushDecisions({ pushPolicies, preferences, caps, client }: Deps): PushDecisions {
  return {
    async of(asked, takesPlaces, cause) {
      const { app, subject, senderId, userIds } = asked;
      const [policy, wishes] = await Promise.all([pushPolicies.of(app), preferences.find(app, userIds)]);
      const now = Date.now();
      const isPlain = policy === DEFAULT_PUSH_POLICY && wishes.size === 0 && senderId === null;
      if (isPlain && takesPlaces) {
        const decision = decider(policy, ANY_PUSH, now)(NO_FACTS);
        return () => decision;
      }
      const pushes = await pushesOf(asked);
      const factsOf = await policyFacts(client, { app, subject, senderId, policy, pushes, wishes }, cause);
      const decide = decidingAt(policy, now);
      const first = new Map([...pushes].map(([userId, push]) => [userId, decide(push, factsOf(userId))]));
      const capped = [...pushes]
        .filter(([userId, push]) => first.get(userId)?.decision === "send" && isCapped(policy, push))
        .map(([userId, { category }]) => ({ userId, category, categoryCap: rulesOf(policy, category).cap }));
      if (capped.length === 0) return decisionIn(first);

      const named = subject.id === null ? null : `${subject.kind}/${subject.id}`;
      const question = { app, users: capped, all: policy.cap, now, keptMs: keptMs(policy) };
      const places =
        takesPlaces && named !== null
          ? await caps.take({ ...question, subject: named })
          : await caps.look({ ...question, subject: named });
      for (const [userId, standing] of places) {
        const push = pushes.get(userId);
        if (push) first.set(userId, decide(push, { ...factsOf(userId), caps: standing }));
      }
      return decisionIn(first);
    },
  };
}

const ANY_PUSH: PolicedPush = {
  category: "",
  isUrgent: false,
  isSilent: false,
  isFollowUp: false,
  at: 0,
  expiresAt: Number.POSITIVE_INFINITY,
};

const isCapped = (policy: PushPolicy, { category, isSilent, isFollowUp }: PolicedPush): boolean =>
  !isSilent && !isFollowUp && (policy.cap ?? rulesOf(policy, category).cap) !== null;

/** Who is not among those asked about is nobody's business here. */
function decisionIn(decisions: ReadonlyMap<string, Decision>): (userId: string) => Decision {
  return (userId) => {
    const decision = decisions.get(userId);
    if (!decision) throw new Error("a push was decided on for somebody who was not asked about");
    return decision;
  };
}

/** One object for all who get the same, by which their decider is found. */
async function pushesOf(asked: DecisionAsked): Promise<ReadonlyMap<string, PolicedPush>> {
  const { at, expiresAt, isUrgent, isFollowUp } = asked;
  const same = new Map<string, PolicedPush>();
  // What is personal is rendered for this, and that takes its time.
  const abouts = await collectInSlices(aboutsOf(asked));
  return new Map(
    abouts.map(([userId, { category, isSilent }]) => {
      const key = `${isSilent}/${category}`;
      const push = same.get(key) ?? { category, isSilent, isUrgent, isFollowUp, at, expiresAt };
      same.set(key, push);
      return [userId, push];
    }),
  );
}

function* aboutsOf({ userIds, about }: DecisionAsked): Generator<[string, PushAbout]> {
  for (const userId of userIds) yield [userId, about(userId)];
}

/** One decider for each kind of push, and one decision for all of whom nothing is known. */
function decidingAt(policy: PushPolicy, now: number): (push: PolicedPush, facts: Facts) => Decision {
  const quietUntil = quietUntilAt(now);
  const deciders = new Map<PolicedPush, (facts: Facts) => Decision>();
  const ofStrangers = new Map<PolicedPush, Decision>();
  return (push, facts) => {
    const decide = deciders.get(push) ?? decider(policy, push, now, quietUntil);
    deciders.set(push, decide);
    if (facts !== NO_FACTS) return decide(facts);
    const decision = ofStrangers.get(push) ?? decide(facts);
    ofStrangers.set(push, decision);
    return decision;
  };
}
