import { type Announcement, FindPersonalFacts, type PersonalFacts } from "@strata/contracts";
import { isForEachAnother, localised, nobodyKnown, personaliserFor } from "@strata/personalisation";
import { collectInSlices } from "@strata/runtime";
import type { Call } from "./call.ts";

/**
 * Announcements with the parts that this recipient reads: in her locale, and with her name in them. Her facts are asked
 * for once, and only where one of them says another thing to each.
 */
export async function toldTo(
  { calls }: Call,
  userId: string,
  announcements: readonly Announcement[],
): Promise<readonly Announcement[]> {
  if (!announcements.some(isForEachAnother)) return announcements;
  const { facts } = await calls.ask(FindPersonalFacts, { userIds: [userId] });
  const recipient = facts.find((one) => one.userId === userId) ?? nobodyKnown(userId);
  return collectInSlices(told(announcements, recipient));
}

/** The same of one announcement for many recipients, by user id: their facts are asked for together. */
export async function toldToEach(
  { calls }: Call,
  announcement: Announcement,
  userIds: readonly string[],
): Promise<(userId: string) => Announcement> {
  if (!isForEachAnother(announcement)) return () => announcement;
  const { facts } = await calls.ask(FindPersonalFacts, { userIds: [...userIds] });
  const recipients = new Map(facts.map((one) => [one.userId, one]));
  return (userId) => {
    const [hers] = told([announcement], recipients.get(userId) ?? nobodyKnown(userId));
    return hers ?? announcement;
  };
}

function* told(announcements: readonly Announcement[], recipient: PersonalFacts): Generator<Announcement> {
  for (const announcement of announcements) {
    const { parts } = localised(announcement, recipient.locale);
    yield { ...announcement, parts: personaliserFor(announcement, recipient).parts(parts) };
  }
}
