import type { AnnouncementContent, AnnouncementTerms } from "@strata/contracts";
import { digestWithLists } from "@strata/doors";

/**
 * SHA-256 over what an announcement says, on what terms, and to whom: the same for every wire version and for recipients in any order.
 * What is set for the app meanwhile makes no other request of it. `recipients` are all of them, in one order that only depends on who they are.
 */
export function announcementDigest(
  { sender, parts, notification, retentionDays: _ofTheApp, ...terms }: AnnouncementContent & AnnouncementTerms,
  recipients: Iterable<readonly string[]>,
): string {
  return digestWithLists({ sender, parts, notification, ...terms }, recipients);
}
