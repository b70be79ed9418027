import type { IncomingMessage } from "node:http";
import { isIP, isIPv6 } from "node:net";
import type { Origin } from "./route.ts";

/**
 * Where a request comes from, for limits. Behind `proxyHops` proxies of our own it is what the outermost of them has seen;
 * whatever a caller wrote into the header before that is not looked at.
 */
export function callerAddress(request: IncomingMessage, proxyHops: number): string {
  const direct = request.socket.remoteAddress ?? "unknown";
  if (proxyHops === 0) return networkOf(direct);
  const forwarded = [request.headers["x-forwarded-for"] ?? []].flat().join(",").split(",");
  const seen = forwarded.at(-proxyHops)?.trim() ?? "";
  return networkOf(isIP(seen) === 0 ? direct : seen);
}

const MAX_USER_AGENT_LENGTH = 256;

/** The same, and what the caller says of its own software. */
export function originOf(request: IncomingMessage, proxyHops: number): Origin {
  const userAgent = request.headers["user-agent"]?.slice(0, MAX_USER_AGENT_LENGTH) ?? null;
  return { address: callerAddress(request, proxyHops), userAgent };
}

/** One subscriber has 2^64 addresses of IPv6: who has the first half in common is one caller. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const [first, last] = [groupsOf(head), groupsOf(tail ?? "")];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array.from({ length: zeros }, () => "0"), ...last];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}

const groupsOf = (text: string): string[] => (text === "" ? [] : text.split(":"));
