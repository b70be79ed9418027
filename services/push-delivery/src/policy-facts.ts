import {
  FindAnnouncementReaders,
  FindBlockers,
  FindMessageReaders,
  FindOnlineUsers,
  FindPushFacts,
  NO_PREFERENCES,
  type PushFacts,
  type PushPolicy,
} from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
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

/** Sockets are hints: who has one is not waited for longer than this. */
const SOCKETS_TIMEOUT_MS = 1_000;
/** Users in one question. */
const ASKED_TOGETHER = 1_000;

/** Of whom nothing is known, or need be. */
export const NO_FACTS: Facts = {
  preferences: NO_PREFERENCES,
  isSuspended: false,
  isBlockingSender: false,
  timeZone: null,
  lastSeenAt: null,
  hasSocket: false,
  hasRead: false,
  caps: null,
};

/**
 * What the policy in force asks of these users, and nothing else: each service gets one question for up to 1,000 of them, or
 * none. No answer in time is thrown as `service_unavailable` of the service that was asked; where realtime gives none, nobody
 * has a socket.
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

  const [blockers, known, readers, connected] = await Promise.all([
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
    inParts(
      whose((_, push) => isPresenceAsked(asked, push)),
      (userIds) => connectedAmong(client, app, userIds, cause),
    ),
  ]);
  const [blocking, reading, online] = [new Set(blockers), new Set(readers), new Set(connected)];
  const whereabouts = new Map(known.map((one) => [one.userId, one]));
  return (userId) => {
    const own = wishes.get(userId);
    const found = whereabouts.get(userId);
    const isBlockingSender = blocking.has(userId);
    const hasRead = reading.has(userId);
    const hasSocket = online.has(userId);
    if (own === undefined && found === undefined && !isBlockingSender && !hasRead && !hasSocket) return NO_FACTS;
    const { timeZone, lastSeenAt } = found ?? NO_FACTS;
    return { ...NO_FACTS, ...own, timeZone, lastSeenAt, hasSocket, isBlockingSender, hasRead };
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
  if (isPresenceAsked({ policy }, push)) return true;
  const { inQuietHours } = rulesOf(policy, push.category);
  const { quietHours, timeZone } = wishes.get(userId)?.preferences ?? NO_PREFERENCES;
  const areQuietHours = (quietHours ?? policy.quietHours) !== null;
  return areQuietHours && timeZone === null && inQuietHours !== "push" && !push.isUrgent;
}

const isPresenceAsked = ({ policy }: Pick<FactsAsked, "policy">, push: PolicedPush): boolean =>
  isShown(push) && rulesOf(policy, push.category).isSkippedOnline;

/** Who cannot be asked about gets her push: a socket that nobody knows of is no reason to keep it from her. */
async function connectedAmong(
  client: Pick<Client, "ask">,
  app: string,
  userIds: string[],
  cause?: Cause,
): Promise<readonly string[]> {
  const options = { timeoutMs: SOCKETS_TIMEOUT_MS, ...(cause && { cause }) };
  try {
    return (await client.ask(FindOnlineUsers, app, { userIds }, options)).online;
  } catch (error) {
    if (error instanceof DomainError && error.code === "service_unavailable") return [];
    throw error;
  }
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
