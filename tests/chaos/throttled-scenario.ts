import { setTimeout as wait } from "node:timers/promises";
import { StrataError } from "@strata/cli";
import { eventually, userIds } from "@strata/testing";
import { devicesFor, type ServiceName, startPlatform, type TestApp } from "@strata/tests-platform";
import { announce, atRest, examine, type Findings, type Sent } from "./checker.ts";
import { seededRandom, shuffled } from "./seeded-random.ts";

export interface ThrottledScenario {
  readonly name: string;
  readonly seed: number;
  readonly victims: readonly ServiceName[];
  readonly recipients: number;
  /** One recipient in so many has a phone that answers with receipts: spread over all batches, as in kills.test.ts. */
  readonly phoneEvery: number;
  readonly perMinute: number;
}

/** After how many kills it is paused, and after how many more it goes on. */
const PAUSE_EVERY = 6;
const PAUSED_KILLS = 2;
const BETWEEN_KILLS_MAX_MS = 1_000;
const SETTLE_MS = 4_000;

/**
 * One announcement to many, throttled so that it is under way while workers are killed one after the other at random
 * moments, and paused and resumed in between. Then everything is looked at from outside.
 */
export async function runThrottledKills(scenario: ThrottledScenario): Promise<Findings & { readonly pauses: number }> {
  await using platform = await startPlatform(scenario.name);
  const app = await platform.createApp();
  const users = userIds(scenario.recipients);
  const owners = users.filter((_, index) => index % scenario.phoneEvery === 0);
  await platform.insertUsers(app.appId, ["sender", ...users]);
  await platform.insertPhones(app, devicesFor(owners));
  platform.phone.autoReceipts({ base_url: platform.baseUrl, app_id: app.appId, token: app.token, read_ratio: 0.5 });

  const random = seededRandom(scenario.seed);
  const sent = await announce(app, users, { throttle: { per_minute: scenario.perMinute } });
  let pauses = 0;
  for (const [round, victim] of shuffled(scenario.victims, random).entries()) {
    if (round % PAUSE_EVERY === PAUSE_EVERY - 1) {
      await order(app, sent, "pause");
      pauses += 1;
    }
    await wait(random() * BETWEEN_KILLS_MAX_MS);
    await platform.killAndRestart(victim);
    if (round % PAUSE_EVERY === (PAUSE_EVERY - 1 + PAUSED_KILLS) % PAUSE_EVERY && pauses > 0) {
      await order(app, sent, "resume");
    }
  }
  await order(app, sent, "resume");
  const counts = await atRest(platform, app, [sent], SETTLE_MS);
  return { pauses, ...(await examine(platform, app, [sent], counts, owners)) };
}

/** Again until it is answered: a worker may be dead just then. That it had come to its end already is an answer, too. */
async function order(app: TestApp, { announcementId }: Sent, what: "pause" | "resume"): Promise<void> {
  const path = `/apps/${app.appId}/announcements/${announcementId}/${what}`;
  const isAnswered = (): Promise<boolean> =>
    app.client.request("POST", path).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof StrataError)) throw error;
        if (error.status === 409) return true;
        if (error.status === 503) return false;
        throw error;
      },
    );
  await eventually(isAnswered, true, { deadlineMs: 30_000 });
}
