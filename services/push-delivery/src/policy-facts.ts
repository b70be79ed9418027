import {
  FindAnnouncementReaders,
  FindBlockers,
  FindMessageReaders,
  FindPushFacts,
  NO_PREFERENCES,
  type PushFacts,
  type PushPolicy,
} from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";
import { type Facts, type PolicedPush, rulesOf } from "./domain/policy.ts";
import type { Subject } from "./domain/subject.ts";
import type { Wishes } from "./store/preference-store.ts";

/** Whose facts are asked for, about one subject. */
export interface FactsAsked {
  readonly app: string;
  /** Null as id: what nobody has been told of yet. */
  readonly subject: { readonly kind: Subject["kind"]; readonly id: string | null };
  /** The user who says it, where her blockers are not left out already. */
  readonly senderId: string | null;
  readonly policy: PushPolicy;
  readonly pushes: ReadonlyMap<string, PolicedPush>;
  readonly wishes: ReadonlyMap<string, Wishes>;
}

/** Users in one question. */
const ASKED_TOGETHER = 1_000;

/** Of whom nothing is known, or need be. */
export const NO_FACTS: Facts = {
  preferences: NO_PREFERENCES,
  isSuspended: false,
  isBlockingSender: false,
  timeZone: null,
  lastSeenAt: null,
  hasRead: false,
  caps: null,
};

/**
 * What the policy in force asks of these users, and nothing else: each service gets one question for up to 1,000 of them, or
 * none. No answer in time is thrown as `service_unavailable` of the service that was asked.
 */
export async function policyFacts(
  client: Pick<Client, "ask">,
  asked: FactsAsked,
  cause?: Cause,
): Promise<(userId: string) => Facts> {
  const { app, subject, senderId, pushes, wishes } = asked;
  const options = cause && { cause };
  const whose = (isAsked: (userId: string, push: PolicedPush) => boolean): readonly string[] =>
    [...pushes].filter(([userId, push]) => isAsked(userId, push)).map(([userId]) => userId);

  const [blockers, known, readers] = await Promise.all([
    senderId === null
      ? []
      : inParts(
          whose((_, { isFollowUp }) => !isFollowUp),
          async (userIds) =>
            (await client.ask(FindBlockers, app, { checks: [{ senderId, userIds }] }, options)).blockers.flat(),
        ),
    inParts<PushFacts>(
      whose((userId, push) => isWhereaboutsAsked(asked, userId, push)),
      async (userIds) => (await client.ask(FindPushFacts, app, { userIds }, options)).facts,
    ),
    inParts(
      whose((_, push) => isReadingAsked(asked, push)),
      (userIds) => readersAmong(client, app, subject, userIds, cause),
    ),
  ]);
  const [blocking, reading] = [new Set(blockers), new Set(readers)];
  const whereabouts = new Map(known.map((one) => [one.userId, one]));
  return (userId) => {
    const own = wishes.get(userId);
    const found = whereabouts.get(userId);
    const isBlockingSender = blocking.has(userId);
    const hasRead = reading.has(userId);
    if (own === undefined && found === undefined && !isBlockingSender && !hasRead) return NO_FACTS;
    const { timeZone, lastSeenAt } = found ?? NO_FACTS;
    return { ...NO_FACTS, ...own, timeZone, lastSeenAt, isBlockingSender, hasRead };
  };
}

async function inParts<One>(
  userIds: readonly string[],
  ask: (userIds: string[]) => Promise<readonly One[]>,
): Promise<readonly One[]> {
  const parts = Array.from({ length: Math.ceil(userIds.length / ASKED_TOGETHER) }, (_, part) =>
    userIds.slice(part * ASKED_TOGETHER, (part + 1) * ASKED_TOGETHER),
  );
  return (await Promise.all(parts.map(ask))).flat();
}

const isShown = ({ isSilent, isFollowUp }: PolicedPush): boolean => !isSilent && !isFollowUp;

/** Where her clock is, for quiet hours, unless she said so herself; and when she was there last. */
function isWhereaboutsAsked({ policy, wishes }: FactsAsked, userId: string, push: PolicedPush): boolean {
  if (!isShown(push)) return false;
  const { isSkippedOnline, inQuietHours } = rulesOf(policy, push.category);
  if (isSkippedOnline) return true;
  const { quietHours, timeZone } = wishes.get(userId)?.preferences ?? NO_PREFERENCES;
  const areQuietHours = (quietHours ?? policy.quietHours) !== null;
  return areQuietHours && timeZone === null && inQuietHours !== "push" && !push.isUrgent;
}

function isReadingAsked({ policy, subject }: FactsAsked, push: PolicedPush): boolean {
  if (subject.id === null || !isShown(push)) return false;
  const { isSkippedRead, unreadAfterMinutes } = rulesOf(policy, push.category);
  return isSkippedRead || (unreadAfterMinutes !== null && !push.isUrgent);
}

/** Nobody reads what is no announcement and no message. */
async function readersAmong(
  client: Pick<Client, "ask">,
  app: string,
  { kind, id }: FactsAsked["subject"],
  userIds: string[],
  cause?: Cause,
): Promise<readonly string[]> {
  if (id === null || (kind !== "announcement" && kind !== "message")) return [];
  const options = cause && { cause };
  const { userIds: readers } =
    kind === "announcement"
      ? await client.ask(FindAnnouncementReaders, app, { announcementId: id, userIds }, options)
      : await client.ask(FindMessageReaders, app, { messageId: id, userIds }, options);
  return readers;
}
