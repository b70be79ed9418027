import { readFileSync, writeFileSync } from "node:fs";
import { type Platform, serviceNames } from "@strata/tests-platform";

const TICKS_PER_SECOND = 100;
const SERVERS = ["rabbitmq", "mongodb", "redis"] as const;

/** Processor time that all services have used so far, in seconds (user and system, from /proc). */
export const cpuSecondsOf = (platform: Platform): number => sumOf(cpuSecondsByServiceOf(platform));

export const sumOf = (byService: Readonly<Record<string, number>>): number =>
  Object.values(byService).reduce((sum, seconds) => sum + seconds, 0);

export const cpuSecondsByServiceOf = (platform: Platform): Readonly<Record<string, number>> =>
  Object.fromEntries(serviceNames.map((name) => [name, cpuSeconds(platform.service(name).pid)]));

/** The servers below the services, and this process, which makes the load. */
export function cpuSecondsBesidesOf(): Readonly<Record<string, number>> {
  const { user, system } = process.cpuUsage();
  const servers = SERVERS.map((name) => [name, cpuSecondsBelow(pidOfServer(name))] as const);
  return { ...Object.fromEntries(servers), load: (user + system) / 1e6 };
}

/** Of a process and all that it started: the broker runs below a script. */
function cpuSecondsBelow(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  return children.reduce((sum, child) => sum + cpuSecondsBelow(child), cpuSeconds(pid));
}

/** As the start script of the stack left it: the process, then when it began. */
const pidOfServer = (name: string): number =>
  Number.parseInt(readFileSync(`${String(process.env["STRATA_STACK_DIR"])}/run/${name}.pid`, "utf8"), 10);

/** What each service spent on one of so many items, in microseconds, the dearest first. */
export const cpuByService = (
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  items: number,
): string =>
  Object.entries(after)
    .map(([service, seconds]) => ({ service, us: ((seconds - (before[service] ?? 0)) * 1e6) / items }))
    .toSorted((one, other) => other.us - one.us)
    .map(({ service, us }) => `${service} ${Math.round(us)}`)
    .join(", ");

/** The same of one process. */
export function cpuSeconds(pid: number): number {
  // The fields after the command's name, which may itself hold spaces, begin behind its closing parenthesis.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The largest resident memory that any service reached, in MB. */
export const peakRssMbOf = (platform: Platform): number =>
  Math.max(...serviceNames.map((name) => peakRssMb(platform.service(name).pid)));

export const peakRssByServiceOf = (platform: Platform): Readonly<Record<string, number>> =>
  Object.fromEntries(serviceNames.map((name) => [name, peakRssMb(platform.service(name).pid)]));

/** From now on the peaks are those of what comes; see proc(5), clear_refs. */
export function resetPeakRssOf(platform: Platform): void {
  for (const name of serviceNames) resetPeakRss(platform.service(name).pid);
}

export function resetPeakRss(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

export function peakRssMb(pid: number): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Math.round(Number(line?.[1] ?? 0) / 1024);
}

/** The resident memory of a process now. */
export function rssKb(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1] ?? 0);
}
