import { userIds } from "@strata/testing";
import { devicesFor, type ServiceName, startPlatform } from "@strata/tests-platform";
import { announce, atRest, examine, type Findings, type Sent, stir } from "./checker.ts";
import { type Kill, killAtWork } from "./kill-at-work.ts";
import { seededRandom, shuffled } from "./seeded-random.ts";

export interface Scenario {
  readonly name: string;
  readonly seed: number;
  /** Whom to kill, in an order that the seed shuffles. */
  readonly victims: readonly ServiceName[];
  readonly recipients: number;
  /**
   * One recipient in so many has a phone that answers with receipts. They are spread over all announcements, so that pushes
   * and receipts are under way at every kill; each receipt is a request of its own, sixteen at a time, so that more phones
   * would only be more of the same.
   */
  readonly phoneEvery: number;
  /** A build with a planted fault, in place of a service's own. */
  readonly main?: Partial<Record<ServiceName, URL>>;
  readonly settleMs: number;
}

/** Sends announcements and kills services while they travel; then waits for rest and looks at everything. */
export async function runKills(scenario: Scenario): Promise<Findings & { readonly kills: readonly Kill[] }> {
  await using platform = await startPlatform(scenario.name, scenario.main ? { main: scenario.main } : {});
  const app = await platform.createApp();
  const users = userIds(scenario.recipients);
  const owners = users.filter((_, index) => index % scenario.phoneEvery === 0);
  await platform.insertUsers(app.appId, ["sender", ...users]);
  await platform.insertPhones(app, devicesFor(owners));
  platform.phone.autoReceipts({ base_url: platform.baseUrl, app_id: app.appId, token: app.token, read_ratio: 0.5 });

  const random = seededRandom(scenario.seed);
  const victims = shuffled(scenario.victims, random);
  const perKill = Math.floor(users.length / victims.length);
  const kills: Kill[] = [];
  const sent: Sent[] = [];
  for (const [round, victim] of victims.entries()) {
    const recipients = users.slice(round * perKill, (round + 1) * perKill);
    const sending = announce(app, recipients).then((one) => sent.push(one));
    kills.push(await killAtWork(platform, victim, random, () => stir(app, owners, random)));
    await platform.start(victim);
    await sending;
  }
  const counts = await atRest(platform, app, sent, scenario.settleMs);
  return { kills, ...(await examine(platform, app, sent, counts, owners)) };
}
