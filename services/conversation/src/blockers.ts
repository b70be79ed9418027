import { FindBlockers } from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";

/** Who of some users blocks a sender? */
export interface Check {
  readonly senderId: string;
  readonly userIds: readonly string[];
}

/** The directory, as far as it knows who does not want to hear from whom. */
export interface Blockers {
  /** In the order of the checks, of which there may be up to 1,000. */
  find(app: string, checks: readonly Check[], cause: Cause): Promise<readonly (readonly string[])[]>;
}

/** Users named in one question: a few hundred kB, whatever the size of the conversations in a group. */
const USERS_PER_QUESTION = 10_000;

/** Checks in questions of bounded size, in their order. */
export function questionsOf(
  checks: readonly Check[],
  bound: number = USERS_PER_QUESTION,
): readonly (readonly Check[])[] {
  const questions: Check[][] = [];
  let users = bound;
  for (const check of checks) {
    users += check.userIds.length;
    if (users > bound) {
      questions.push([]);
      users = check.userIds.length;
    }
    questions.at(-1)?.push(check);
  }
  return questions;
}

export const blockersOver = (client: Client): Blockers => ({
  async find(app, checks, cause) {
    const answers = await Promise.all(
      questionsOf(checks).map(async (some) => {
        const asked = some.map(({ senderId, userIds }) => ({ senderId, userIds: [...userIds] }));
        return (await client.ask(FindBlockers, app, { checks: asked }, { cause })).blockers;
      }),
    );
    return answers.flat();
  },
});
