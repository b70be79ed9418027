import type { GetUpload, PayloadOf, ReplyOf, StoreUploaded } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { announcementKey } from "../domain/batch.ts";
import type { AnnouncementStore } from "../store/announcement-store.ts";
import type { UploadStore } from "../store/upload-store.ts";

interface Deps {
  readonly announcements: AnnouncementStore;
  readonly uploads: UploadStore;
}

/**
 * Stores uploaded recipients. The same again stores nothing twice. What comes after the start stores nothing; what was
 * under way then is answered as too late, whether or not it is distributed.
 */
export const storeUploaded =
  ({ announcements, uploads }: Deps): Handler<PayloadOf<typeof StoreUploaded>, ReplyOf<typeof StoreUploaded>> =>
  async ({ app, payload: { announcementId, userIds } }) => {
    const outcome = await outcomeOf(announcements, app, announcementId);
    if (outcome !== "open") return reply({ outcome });
    await uploads.insertNew(app, announcementId, userIds);
    return reply({ outcome: await outcomeOf(announcements, app, announcementId) });
  };

/** Whether an upload takes more, and about how many it has. */
export const getUpload =
  ({ announcements, uploads }: Deps): Handler<PayloadOf<typeof GetUpload>, ReplyOf<typeof GetUpload>> =>
  async ({ app, payload: { announcementId } }) => {
    const outcome = await outcomeOf(announcements, app, announcementId);
    const recipientsAbout = outcome === "open" ? await uploads.countAbout(app, announcementId) : 0;
    return reply({ outcome, recipientsAbout });
  };

async function outcomeOf(
  announcements: AnnouncementStore,
  app: string,
  announcementId: string,
): Promise<ReplyOf<typeof StoreUploaded>["outcome"]> {
  const found = await announcements.uploadStateOf(announcementKey(app, announcementId));
  if (found === null) return "not-found";
  if (!found.isUploaded) return "not-an-upload";
  return found.state === "accepting" ? "open" : "started";
}
