import {
  ChangePushPreferences,
  DEFAULT_PUSH_POLICY,
  ExplainPush,
  GetPushPolicy,
  GetPushPreferences,
  NO_PREFERENCES,
  type PayloadOf,
  type PushPolicy,
  type PushPreferences,
  type ReplyOf,
  SetPushPolicy,
} from "@strata/contracts";
import { on, reply } from "@strata/messaging";

/** Push-delivery's policies, preferences and explanations as the gateway sees them, kept in memory. */
export interface PushPoliciesPeer {
  /** By app. */
  readonly policies: Map<string, PushPolicy>;
  /** By app and user: `<app>/<user>`. */
  readonly preferences: Map<string, PushPreferences>;
  /** What is answered of an announcement, a message, or a category; others are of things that there are not. */
  readonly explanations: Map<string, NonNullable<ReplyOf<typeof ExplainPush>["explanation"]>>;
  /** What was asked for. */
  readonly questions: PayloadOf<typeof ExplainPush>[];
}

export const pushPolicyContracts = [
  SetPushPolicy,
  GetPushPolicy,
  ChangePushPreferences,
  GetPushPreferences,
  ExplainPush,
] as const;

export function pushPoliciesPeer() {
  const peer: PushPoliciesPeer = {
    policies: new Map(),
    preferences: new Map(),
    explanations: new Map(),
    questions: [],
  };
  const preferencesOf = (app: string, userId: string) => peer.preferences.get(`${app}/${userId}`) ?? NO_PREFERENCES;
  const admin = [
    on(SetPushPolicy, async ({ app, payload: { policy } }) => {
      peer.policies.set(app, policy);
      return reply(policy);
    }),
  ];
  const preferences = [
    on(ChangePushPreferences, async ({ app, payload: { userId, changes } }) => {
      const { categories, ...wanted } = preferencesOf(app, userId);
      const { categories: said = {}, ...others } = changes;
      const all = Object.entries({ ...categories, ...said });
      const given = Object.entries(others).filter(([, value]) => value !== undefined);
      const changed: PushPreferences = {
        ...wanted,
        ...Object.fromEntries(given),
        categories: Object.fromEntries(all.flatMap(([name, value]) => (value === null ? [] : [[name, value]]))),
      };
      peer.preferences.set(`${app}/${userId}`, changed);
      return reply(changed);
    }),
  ];
  const queries = [
    on(GetPushPolicy, async ({ app }) => reply({ policy: peer.policies.get(app) ?? DEFAULT_PUSH_POLICY })),
    on(GetPushPreferences, async ({ app, payload }) => reply({ preferences: preferencesOf(app, payload.userId) })),
    on(ExplainPush, async ({ payload }) => {
      peer.questions.push(payload);
      return reply({ explanation: peer.explanations.get(payload.subject.id ?? payload.category ?? "") ?? null });
    }),
  ];
  return { peer, admin, preferences, queries };
}
