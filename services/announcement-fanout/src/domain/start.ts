import type { Header } from "./header.ts";

/** When the fan-out of an announcement is to start: null where that is at once. */
export function firstStartOf({ schedule }: Pick<Header, "schedule">): number | null {
  if (schedule === null) return null;
  if ("at" in schedule) return schedule.at;
  return null;
}
