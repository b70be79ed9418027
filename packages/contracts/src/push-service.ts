import { z } from "zod";

/** The push services of today's browsers: Google's (Chrome, Edge, Opera, Samsung and others), Mozilla's, Apple's, Microsoft's. */
const KNOWN_PUSH_SERVICES = "fcm.googleapis.com,*.push.services.mozilla.com,*.push.apple.com,*.notify.windows.com";

const HOST = /^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?$/;

/**
 * Where browsers' subscriptions may lead: hosts, parted by commas. A port is to be named unless it is 443; `*.` stands
 * for whatever is before the rest. A subscription is a URL that a client gives, so without this list anybody could have
 * us call whatever we reach.
 */
export const PushServiceHosts = z
  .string()
  .default(KNOWN_PUSH_SERVICES)
  .transform((text) => text.split(",").map((host) => host.trim().toLowerCase()))
  .refine((hosts) => hosts.every((host) => HOST.test(host)), "expected host names, parted by commas");

/** Whether this URL is that of one of these push services: `https`, with no name or password in it. */
export function isPushService(hosts: readonly string[], endpoint: string): boolean {
  const url = URL.parse(endpoint);
  if (url === null || url.protocol !== "https:" || url.username !== "" || url.password !== "") return false;
  return hosts.some((host) => (host.startsWith("*.") ? url.host.endsWith(host.slice(1)) : url.host === host));
}
