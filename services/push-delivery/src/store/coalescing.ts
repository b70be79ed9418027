import { gathering } from "@strata/runtime";
import type { Target } from "../domain/chunk.ts";

/** Whose devices are asked for: up to 1,000 users of one partition. */
export interface DeviceQuestion {
  readonly app: string;
  readonly partition: number;
  readonly userIds: readonly string[];
}

type FoundTarget = Target & { readonly app: string };

/** One query asks about no more users than the largest batch has, so that none holds up the others. */
const USERS_PER_QUERY = 1_000;
/** Few, so that small questions wait for each other; many large ones still keep the database busy. */
const QUERIES = 3;

/**
 * Puts questions that are asked together into one query. Most announcements have one recipient, and many of them arrive
 * together: asked one by one they cost a round trip each.
 */
export function coalescing(
  find: (questions: readonly DeviceQuestion[]) => Promise<readonly FoundTarget[]>,
): (app: string, partition: number, userIds: readonly string[]) => Promise<readonly Target[]> {
  const ask = gathering<DeviceQuestion, readonly Target[]>({
    concurrency: QUERIES,
    maxWeight: USERS_PER_QUERY,
    weightOf: ({ userIds }) => userIds.length,
    async work(questions) {
      const found = Map.groupBy(await find(questions), ({ app, userId }) => `${app}/${userId}`);
      return questions.map(({ app, userIds }) =>
        userIds.flatMap((userId) => (found.get(`${app}/${userId}`) ?? []).map(withoutApp)),
      );
    },
  });
  return (app, partition, userIds) => ask({ app, partition, userIds });
}

/** The app was only asked for to tell whose device it is. */
export function withoutApp(found: FoundTarget): Target {
  const { userId, deviceId, platform, kind, token, environment, appBundle, webPushKeys, registeredAt, dueAt } = found;
  const target = { userId, deviceId, platform, kind, token, environment, appBundle, registeredAt, dueAt };
  return webPushKeys === undefined ? target : { ...target, webPushKeys };
}
