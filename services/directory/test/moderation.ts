import { randomUUID } from "node:crypto";
import {
  DEFAULT_MODERATION_POLICY,
  type FlagUser,
  type ModerationAction,
  type ModerationPolicy,
  type PayloadOf,
  type Review,
} from "@strata/contracts";
import { anAppId } from "@strata/testing";
import { flagUser } from "../src/handlers/flag-user.ts";
import { getModeration } from "../src/handlers/get-moderation.ts";
import { reviewDecision } from "../src/handlers/review-moderation.ts";
import type { JudgingDeps } from "../src/moderating/judge.ts";
import { aDelivery, type openStores, recordingPublisher } from "./support.ts";

export const NOW = Date.now();
export const flaggers = Array.from({ length: 12 }, (_, n) => `flagger-${n}`);
/** All that needs no answer. */
export const ALL: readonly ModerationAction[] = [
  { kind: "warn", text: "be kind" },
  { kind: "mute", seconds: 3_600 },
  { kind: "hide_message" },
  { kind: "block_flaggers" },
  { kind: "suspend" },
];

export const aReview = (verdict: Review["verdict"], at = NOW): Review => ({ verdict, by: "Mia", note: null, at });

export const kinds = (actions: readonly { readonly action: ModerationAction; readonly state: string }[]) =>
  actions.map(({ action, state }) => `${action.kind} ${state}`);

/** The same process, which dies at its so many-th step: before it publishes, or after it has written. */
export function dyingAt(deps: JudgingDeps, death: number): JudgingDeps {
  let steps = 0;
  const step = (): void => {
    steps += 1;
    if (steps >= death) throw new Error(`the process died at ${death}`);
  };
  const after = async <T>(writing: Promise<T>): Promise<T> => {
    const written = await writing;
    step();
    return written;
  };
  const { decisions, publisher, mutes } = deps;
  return {
    ...deps,
    decisions: {
      ...decisions,
      insertOrFind: (row) => after(decisions.insertOrFind(row)),
      change: (row, change) => after(decisions.change(row, change)),
    },
    mutes: { ...mutes, put: (app, userId, mute) => after(mutes.put(app, userId, mute)) },
    publisher: {
      async emit(event, app, payload, options) {
        step();
        await publisher.emit(event, app, payload, options);
      },
      async send(command, app, payload, options) {
        step();
        await publisher.send(command, app, payload, options);
      },
    },
  };
}

/** An app with a policy of this one threshold, a user who is flagged in it, and what its broker is told. */
export async function moderatedApp(
  stores: Awaited<ReturnType<typeof openStores>>,
  actions: readonly ModerationAction[],
  extra: Partial<ModerationPolicy> = {},
) {
  const app = anAppId();
  await stores.identities.makeKnown(app, ["eve", ...flaggers], 1);
  const recorded = recordingPublisher();
  const deps = { ...stores, publisher: recorded.publisher };
  const thresholds = [{ score: 3, actions: [...actions] }];
  const setPolicy = (change: Partial<ModerationPolicy>, at = 1) =>
    stores.moderationPolicies.put(
      app,
      { ...DEFAULT_MODERATION_POLICY, isActive: true, thresholds, ...extra, ...change },
      { at, by: randomUUID() },
    );
  await setPolicy({});
  const flagging = (by: string, payload: Partial<PayloadOf<typeof FlagUser>> = {}) => {
    const common = { flagId: randomUUID(), userId: "eve", by, message: null, reason: "spam", comment: null, at: NOW };
    return aDelivery({ ...common, ...payload }, { app });
  };
  const flag = (by: string, payload: Partial<PayloadOf<typeof FlagUser>> = {}) => flagUser(deps)(flagging(by, payload));
  const flagByAll = async (from: number, until: number, payload: Partial<PayloadOf<typeof FlagUser>> = {}) => {
    for (const by of flaggers.slice(from, until)) await flag(by, payload);
  };
  const moderation = async (at = NOW) => {
    const outcome = await getModeration(deps)(aDelivery({ userId: "eve", at }, { app }));
    if (outcome.kind !== "reply" || outcome.reply.moderation === null) throw new Error("she is not known");
    return outcome.reply.moderation;
  };
  const reviewing = (decisionId: string, verdict: Review["verdict"], at = NOW) =>
    aDelivery({ userId: "eve", decisionId, review: aReview(verdict, at) }, { app });
  const review = async (decisionId: string, verdict: Review["verdict"], at = NOW) =>
    reviewDecision(deps)(reviewing(decisionId, verdict, at));
  const told = (type: string) => recorded.events.filter((event) => event.type === `directory.${type}.v1`);
  return {
    app,
    deps,
    setPolicy,
    flagging,
    flag,
    flagByAll,
    moderation,
    review,
    reviewing,
    told,
    isSuspended: async () => (await stores.identities.find(app, "eve"))?.isSuspended,
    isMuted: async (at = NOW) => (await stores.mutes.findMuted(app, ["eve"], at)).has("eve"),
    ...recorded,
  };
}
