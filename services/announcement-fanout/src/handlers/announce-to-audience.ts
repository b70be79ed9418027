import {
  type AcceptReply,
  type AnnounceToAudience,
  type Audience,
  type PayloadOf,
  settleAudienceTimes,
} from "@strata/contracts";
import { type Delivery, type Handler, reply } from "@strata/messaging";
import { announcementKey } from "../domain/batch.ts";
import { announcementFrom, type Header, headerOf, headerTerms } from "../domain/header.ts";
import { announceStarted, type StartDeps, startOrSchedule } from "./start-or-schedule.ts";

type Payload = PayloadOf<typeof AnnounceToAudience>;

/**
 * Accepts an announcement to an audience and starts it; who that is, is only found out while it is distributed, so this
 * takes the same time whatever their number. What the filter means is settled here, once and for all.
 */
export const announceToAudience =
  (deps: StartDeps): Handler<Payload, AcceptReply> =>
  async (delivery) => {
    const { app, id, payload } = delivery;
    await deps.announcements.insertNew([acceptedHeader(delivery)]);
    const header = await deps.announcements.find(app, payload.announcementId);
    if (!header) throw new Error(`${payload.announcementId} was written and is not there`);
    if (header.by !== id) return reply({ outcome: "in-use", announcement: announcementFrom(header) });
    if (header.startedBy !== null) return announceStarted(deps, delivery, header);
    return startOrSchedule(deps, delivery, header, null);
  };

function acceptedHeader({ app, id, payload }: Delivery<Payload>): Header {
  const { announcementId, sender, parts, notification, digest, recipientCount } = payload;
  const at = Date.now();
  return headerOf({
    ...headerTerms(payload),
    hidesFrom: payload.expiresAt ?? null,
    _id: announcementKey(app, announcementId),
    app,
    state: "accepting",
    at,
    sender,
    parts,
    notification,
    recipientCount: recipientCount ?? 0,
    audience: settled(payload.audience, at),
    recipients: null,
    unknown: null,
    digest,
    by: id,
    startedBy: null,
    chunks: null,
  });
}

const settled = (audience: Audience, at: number): Audience =>
  audience.kind === "filter" ? { ...audience, filter: settleAudienceTimes(audience.filter, at) } : audience;
