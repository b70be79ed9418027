import type { Target } from "../domain/chunk.ts";

/** Whose devices are asked for: up to 1,000 users of one partition. */
export interface DeviceQuestion {
  readonly app: string;
  readonly partition: number;
  readonly userIds: readonly string[];
}

type FoundTarget = Target & { readonly app: string };

interface Waiting extends DeviceQuestion {
  readonly resolve: (targets: readonly Target[]) => void;
  readonly reject: (error: unknown) => void;
}

/** One query asks about no more users than the largest batch has, so that none holds up the others. */
const USERS_PER_QUERY = 1_000;

/**
 * Puts the questions of one turn of the event loop into one query. Most announcements have one recipient, and many of
 * them arrive together: asked one by one they cost a round trip each.
 */
export function coalescing(
  find: (questions: readonly DeviceQuestion[]) => Promise<readonly FoundTarget[]>,
): (app: string, partition: number, userIds: readonly string[]) => Promise<readonly Target[]> {
  let waiting: Waiting[] = [];

  const answer = async (questions: readonly Waiting[]): Promise<void> => {
    try {
      const found = Map.groupBy(await find(questions), ({ app, userId }) => `${app}/${userId}`);
      for (const { app, userIds, resolve } of questions) {
        resolve(userIds.flatMap((userId) => (found.get(`${app}/${userId}`) ?? []).map(withoutApp)));
      }
    } catch (error) {
      for (const { reject } of questions) reject(error);
    }
  };

  const flush = (): void => {
    const questions = waiting;
    waiting = [];
    for (const query of packed(questions)) void answer(query);
  };

  return (app, partition, userIds) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ app, partition, userIds, resolve, reject });
    });
}

function packed(questions: readonly Waiting[]): readonly (readonly Waiting[])[] {
  const packs: Waiting[][] = [];
  let users = Number.POSITIVE_INFINITY;
  for (const question of questions) {
    users += question.userIds.length;
    if (users > USERS_PER_QUERY) {
      packs.push([]);
      users = question.userIds.length;
    }
    packs.at(-1)?.push(question);
  }
  return packs;
}

/** The app was only asked for to tell whose device it is. */
function withoutApp(found: FoundTarget): Target {
  const { userId, deviceId, platform, kind, token, environment, appBundle, registeredAt, dueAt } = found;
  return { userId, deviceId, platform, kind, token, environment, appBundle, registeredAt, dueAt };
}
