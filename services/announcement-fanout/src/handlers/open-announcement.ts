import type { AcceptReply, OpenAnnouncement, OpenUpload, PayloadOf } from "@strata/contracts";
import { type Delivery, type Handler, type Outcome, reply } from "@strata/messaging";
import { announcementKey } from "../domain/batch.ts";
import { announcementFrom, type Header, headerOf, headerTerms } from "../domain/header.ts";
import type { AnnouncementStore } from "../store/announcement-store.ts";

interface Deps {
  readonly announcements: AnnouncementStore;
}

/** Stores the header of a long list as `accepting`. The same request again, while it is `accepting`, goes on with it. */
export const openAnnouncement =
  ({ announcements }: Deps): Handler<PayloadOf<typeof OpenAnnouncement>, AcceptReply> =>
  (delivery) => {
    const { recipientCount, recipients = null } = delivery.payload;
    return open(announcements, delivery, { recipientCount, recipients });
  };

/** The same for one whose recipients are uploaded next. */
export const openUpload =
  ({ announcements }: Deps): Handler<PayloadOf<typeof OpenUpload>, AcceptReply> =>
  (delivery) =>
    open(announcements, delivery, { recipientCount: 0, recipients: null, isUploaded: true });

async function open(
  announcements: AnnouncementStore,
  { app, id, payload }: Delivery<PayloadOf<typeof OpenUpload>>,
  forWhom: Pick<Header, "recipientCount" | "recipients"> & { readonly isUploaded?: true },
): Promise<Outcome<AcceptReply>> {
  const { announcementId, sender, parts, notification, digest } = payload;
  await announcements.insertNew([
    headerOf({
      ...headerTerms(payload),
      ...forWhom,
      hidesFrom: payload.expiresAt ?? null,
      _id: announcementKey(app, announcementId),
      app,
      state: "accepting",
      at: Date.now(),
      sender,
      parts,
      notification,
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
}
