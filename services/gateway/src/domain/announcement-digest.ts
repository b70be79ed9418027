import { createHash } from "node:crypto";
import type { AnnouncementContent, AnnouncementTerms } from "@strata/contracts";
import { canonicalJson } from "./canonical-json.ts";

/** No user id has it inside, so that two lists never run into one text. */
const SEPARATOR = "\0";

/**
 * SHA-256 over what an announcement says, on what terms, and to whom: the same for every wire version and for recipients in any order.
 * What is set for the app meanwhile makes no other request of it. `recipients` are all of them, in one order that only depends on who they are.
 */
export function announcementDigest(
  { sender, parts, notification, retentionDays: _ofTheApp, ...terms }: AnnouncementContent & AnnouncementTerms,
  recipients: Iterable<readonly string[]>,
): string {
  const hash = createHash("sha256").update(canonicalJson({ sender, parts, notification, ...terms }));
  for (const userIds of recipients) hash.update(SEPARATOR).update(userIds.join(SEPARATOR));
  return hash.digest("hex");
}
