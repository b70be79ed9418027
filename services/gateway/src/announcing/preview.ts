import {
  type AnnouncementContent,
  type AnnouncementTerms,
  FindPersonalFacts,
  FindUnknownUsers,
  MatchUsers,
  type NamelessAudience,
  type Notification,
  type NotificationContent,
  PARTITIONS,
  type PersonalFacts,
  type PersonalTerms,
  type Platform,
  PreviewPushes,
  type ReplyOf,
  settleAudienceTimes,
} from "@strata/contracts";
import type { Calls } from "@strata/doors";
import { localised, nobodyKnown, personaliserFor } from "@strata/personalisation";
import { evenly } from "../domain/preview-sample.ts";

type Content = Pick<AnnouncementContent, "parts" | "notification"> &
  PersonalTerms &
  Pick<AnnouncementTerms, "isSilent">;

/** Up to so many are looked at one by one; of more, a sample is. */
const ALL = 10_000;
const SAMPLE = 1_000;
const SHOWN = 10;
/** Users with words of their own whose push is measured: those with the longest. */
const OVERRIDES = 90;
const PER_QUESTION = 1_000;
/** More would keep others from the directory. */
const QUESTIONS = 256;
const QUESTIONS_AT_ONCE = 8;

/** Some of those an announcement is for, or all of them. */
export interface LookedAt {
  readonly userIds: readonly string[];
  readonly isAll: boolean;
}

export interface ShownUser {
  readonly facts: PersonalFacts;
  readonly platforms: readonly Platform[];
}

/** What is found of them. */
export interface Findings {
  readonly unknown: readonly string[];
  readonly withoutDevice: readonly string[];
  readonly sample: readonly ShownUser[];
  /** Null where nothing is pushed. */
  readonly payloads: ReplyOf<typeof PreviewPushes>["payloads"];
}

export const lookAtNamed = (recipients: readonly string[]): LookedAt => ({
  userIds: recipients.length <= ALL ? recipients : evenly(recipients, SAMPLE),
  isAll: recipients.length <= ALL,
});

/** All members of an audience that has `count`; of a larger one, the first few of each partition. */
export async function lookAtAudience(calls: Calls, audience: NamelessAudience, count: number): Promise<LookedAt> {
  const now = Date.now();
  const filter = audience.kind === "filter" ? settleAudienceTimes(audience.filter, now) : null;
  const isSmall = count <= ALL;
  const limit = isSmall ? PER_QUESTION : Math.ceil(SAMPLE / PARTITIONS);
  let asked = 0;
  // Of more than can be looked at, one page of each partition is enough.
  const goesOn = (): boolean => isSmall && asked < QUESTIONS;
  const members = async (partition: number): Promise<LookedAt> => {
    const userIds: string[] = [];
    let after: string | null = null;
    do {
      asked += 1;
      const page: ReplyOf<typeof MatchUsers> = await calls.ask(MatchUsers, {
        filter,
        partition,
        after,
        createdBefore: now,
        limit,
      });
      userIds.push(...page.userIds);
      after = page.next;
    } while (after !== null && goesOn());
    return { userIds, isAll: after === null };
  };
  const found: LookedAt[] = [];
  for (let first = 0; first < PARTITIONS; first += QUESTIONS_AT_ONCE) {
    const some = Array.from({ length: QUESTIONS_AT_ONCE }, (_, index) => members(first + index));
    found.push(...(await Promise.all(some)));
  }
  return { userIds: found.flatMap(({ userIds }) => userIds), isAll: found.every(({ isAll }) => isAll) };
}

/** Looks at each of at most 10,000 users, and at what an announcement would come to for some of them. Stores nothing. */
export async function findings(calls: Calls, content: Content, userIds: readonly string[]): Promise<Findings> {
  const answers = await inTurn(pagesOf(userIds), (page) => calls.ask(FindUnknownUsers, { userIds: page }));
  const unknown = new Set(answers.flatMap((answer) => answer.unknown));
  const known = userIds.filter((userId) => !unknown.has(userId));
  const shown = evenly(known, SHOWN);
  const measured = [...new Set([...(shown.length > 0 ? shown : [userIds[0] ?? ANYBODY]), ...overridden(content)])];
  const { facts } = await calls.ask(FindPersonalFacts, { userIds: measured });
  const factsOf = (userId: string): PersonalFacts => facts.find((one) => one.userId === userId) ?? nobodyKnown(userId);

  const isPushed = !(content.isSilent === true && content.notification === null);
  const notices = isPushed
    ? measured.map((userId) => ({ userId, notification: noticeFor(content, factsOf(userId)) }))
    : [];
  const previews = await inTurn(pagesOf(known), (page, index) =>
    calls.ask(PreviewPushes, { userIds: page, notices: index === 0 ? notices : [] }),
  );
  const platforms = new Map(previews.flatMap(({ reachable }) => reachable.map((one) => [one.userId, one.platforms])));
  return {
    unknown: [...unknown],
    withoutDevice: known.filter((userId) => !platforms.has(userId)),
    sample: shown.map((userId) => ({ facts: factsOf(userId), platforms: platforms.get(userId) ?? [] })),
    payloads: previews[0]?.payloads ?? null,
  };
}

/** Stands for a recipient where none is known yet. */
const ANYBODY = "user";

/** Who is told something of her own, and most. */
function overridden({ notification }: Content): readonly string[] {
  const lengths = Object.entries(notification?.recipients ?? {}).map(
    ([userId, own]) => [userId, JSON.stringify(own).length] as const,
  );
  return lengths
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, OVERRIDES)
    .map(([userId]) => userId);
}

/** What her push would say, as push-delivery makes it. */
function noticeFor(content: Content, facts: PersonalFacts): NotificationContent {
  const { recipients, ...common }: Notification = localised(content, facts.locale).notification ?? {};
  const own = recipients !== undefined && Object.hasOwn(recipients, facts.userId) ? recipients[facts.userId] : {};
  return personaliserFor(content, facts).notification({ ...common, ...own });
}

/** At least one, so that what does not depend on them is asked, too. */
const pagesOf = (userIds: readonly string[]): string[][] =>
  Array.from({ length: Math.max(1, Math.ceil(userIds.length / PER_QUESTION)) }, (_, page) =>
    userIds.slice(page * PER_QUESTION, (page + 1) * PER_QUESTION),
  );

/** One after the other: a preview waits behind what is sent. */
async function inTurn<T, R>(items: readonly T[], ask: (item: T, index: number) => Promise<R>): Promise<readonly R[]> {
  const answers: R[] = [];
  for (const [index, item] of items.entries()) answers.push(await ask(item, index));
  return answers;
}
