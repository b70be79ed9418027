import { FindBlockers } from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";
import { gathering } from "@strata/runtime";
import type { Heard } from "./domain/access.ts";

/** Who of some users blocks a sender? */
export interface Check {
  readonly senderId: string;
  readonly userIds: readonly string[];
}

/** The directory, as far as it knows who does not want to hear from whom. */
export interface Blockers {
  /** In the order of the checks, of which there may be up to 1,000. */
  find(app: string, checks: readonly Check[], cause: Cause): Promise<readonly Heard[]>;
}

/** As many checks as one question may have. */
const CHECKS_TOGETHER = 1_000;
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

interface Asked {
  readonly app: string;
  readonly checks: readonly Check[];
  readonly cause: Cause;
}

/** Checks of all lanes that ask at the same time, per app in as few questions as may be. */
export function blockersOver(client: Client): Blockers {
  const findOfApp = async (app: string, checks: readonly Check[], cause: Cause) => {
    const answers = await Promise.all(
      questionsOf(checks).map(async (some) => {
        const asked = some.map(({ senderId, userIds }) => ({ senderId, userIds: [...userIds] }));
        const { blockers, mutedUntil } = await client.ask(
          FindBlockers,
          app,
          { checks: asked, withMutes: true },
          { cause },
        );
        return blockers.map((blocking, index) => ({ blockers: blocking, mutedUntil: mutedUntil?.[index] ?? null }));
      }),
    );
    return answers.flat();
  };

  const findTogether = gathering<Asked, readonly Heard[]>({
    concurrency: 2,
    maxWeight: CHECKS_TOGETHER,
    weightOf: ({ checks }) => checks.length,
    async work(inputs) {
      const answers = new Map<Asked, readonly Heard[]>();
      const ofApp = async (app: string, some: readonly Asked[]): Promise<void> => {
        const [first] = some;
        if (!first) return;
        const checks = some.flatMap((input) => input.checks);
        const found = await findOfApp(app, checks, first.cause);
        let from = 0;
        for (const input of some) {
          answers.set(input, found.slice(from, from + input.checks.length));
          from += input.checks.length;
        }
      };
      await Promise.all([...Map.groupBy(inputs, ({ app }) => app)].map(([app, some]) => ofApp(app, some)));
      return inputs.map((input) => answers.get(input) ?? []);
    },
  });

  return { find: (app, checks, cause) => findTogether({ app, checks, cause }) };
}
