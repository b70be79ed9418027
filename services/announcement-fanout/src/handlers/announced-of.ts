import { slicesOf } from "../domain/batch.ts";
import { announcementIdOf, type Header, isAtOneMoment, sentAtOf } from "../domain/header.ts";
import type { Announced } from "../store/recipient-store.ts";

/** What is known of where an announcement's batches are. */
export const announcedOf = (header: Header): Announced => ({
  app: header.app,
  announcementId: announcementIdOf(header),
  // Who came later got it later.
  at: isAtOneMoment(header) && header.includeNewUsersUntil === null ? sentAtOf(header) : null,
  slices: slicesOf(header),
});
