import type { AcceptReply, OpenAnnouncement, PayloadOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { announcementKey } from "../domain/batch.ts";
import { announcementFrom, headerOf, headerTerms } from "../domain/header.ts";
import type { AnnouncementStore } from "../store/announcement-store.ts";

/** Stores the header of a long list as `accepting`. The same request again, while it is `accepting`, goes on with it. */
export const openAnnouncement =
  ({
    announcements,
  }: {
    readonly announcements: AnnouncementStore;
  }): Handler<PayloadOf<typeof OpenAnnouncement>, AcceptReply> =>
  async ({ app, id, payload }) => {
    const { announcementId, sender, parts, notification, recipientCount, digest } = payload;
    await announcements.insertNew([
      headerOf({
        ...headerTerms(payload),
        hidesFrom: payload.expiresAt ?? null,
        _id: announcementKey(app, announcementId),
        app,
        state: "accepting",
        at: Date.now(),
        sender,
        parts,
        notification,
        recipientCount,
        recipients: payload.recipients ?? null,
        unknown: null,
        digest,
        by: id,
        startedBy: null,
        chunks: null,
      }),
    ]);
    const header = await announcements.find(app, announcementId);
    if (!header) throw new Error(`${announcementId} was written and is not there`);
    const goesOn = header.by === id || (header.state === "accepting" && header.digest === digest);
    return reply({ outcome: goesOn ? "accepted" : "in-use", announcement: announcementFrom(header) });
  };
