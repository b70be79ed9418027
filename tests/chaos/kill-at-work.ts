import { setTimeout as wait } from "node:timers/promises";
import type { Platform, ServiceName } from "@strata/tests-platform";

export interface Kill {
  readonly service: ServiceName;
  /** Deliveries that it held unacknowledged while it was frozen, right before it was killed. */
  readonly unacked: number;
}

/** Attempts to catch a service with work in hand, for each kill. */
const TRIES_PER_KILL = 60;
const WAIT_MAX_MS = 60;

/**
 * Freezes the service, asks the broker whether it holds deliveries, and only then kills it; otherwise it goes on and is
 * tried again, with a little more work (`stir`) on its way.
 */
export async function killAtWork(
  platform: Platform,
  victim: ServiceName,
  random: () => number,
  stir: () => Promise<void> = async () => undefined,
): Promise<Kill> {
  for (let attempt = 0; attempt < TRIES_PER_KILL; attempt += 1) {
    if (attempt % 5 === 4) void stir();
    await wait(random() * WAIT_MAX_MS);
    const process = platform.service(victim);
    process.signal("SIGSTOP");
    const unacked = await unackedOf(platform, victim);
    if (unacked > 0) {
      await process.kill("SIGKILL");
      return { service: victim, unacked };
    }
    process.signal("SIGCONT");
  }
  throw new Error(`${victim} was never caught with unacknowledged deliveries`);
}

async function unackedOf({ infra }: Platform, service: ServiceName): Promise<number> {
  const queues = await infra.management.queues();
  return queues
    .filter(({ name }) => name.startsWith(`${service}.`))
    .reduce((sum, queue) => sum + queue.messages_unacknowledged, 0);
}

/** What lies in dead-letter queues, by queue. */
export async function deadLettersOf({ infra }: Platform): Promise<Readonly<Record<string, number>>> {
  const depths = Object.entries(await infra.management.depths());
  return Object.fromEntries(depths.filter(([name, depth]) => name.endsWith(".dead-letter") && depth > 0));
}
