import type { Header } from "./header.ts";
import { settlesAt } from "@strata/local-time";

/**
 * When the fan-out of an announcement is to start: null where that is at once. By local time, it starts with settling who
 * gets it when, before it is time for anybody.
 */
export function firstStartOf({ schedule }: Pick<Header, "schedule">): number | null {
  if (schedule === null) return null;
  return "at" in schedule ? schedule.at : Math.max(Date.now(), settlesAt(schedule.localTime));
}
