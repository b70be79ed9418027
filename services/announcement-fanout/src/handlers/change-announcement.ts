import {
  AnnouncementCorrected,
  AnnouncementScheduled,
  type ChangeAnnouncement,
  type PayloadOf,
  type StateReply,
} from "@strata/contracts";
import { type Delivery, type Handler, refuse, reply } from "@strata/messaging";
import { contentFault } from "@strata/personalisation";
import { DomainError } from "@strata/runtime";
import { announcementKey } from "../domain/batch.ts";
import { type Header, tokensOf } from "../domain/header.ts";
import { changedEnd } from "../domain/retention.ts";
import { firstStartOf } from "../domain/start.ts";
import type { HeaderChange } from "../store/announcement-store.ts";
import { progressOf } from "./progress.ts";
import type { FanOutDeps } from "./take-step.ts";

type Payload = PayloadOf<typeof ChangeAnnouncement>;

/** It has begun, and may be in inboxes. */
const BEGUN = ["distributing", "paused", "distributed"] as const;

/**
 * Changes an announcement: anything before its start, what it says afterwards. The same command again finds what it
 * changed and publishes it again. What it says then is looked at here, by its only writer: parts may go with defaults and
 * variants that were said before.
 */
export const changeAnnouncement =
  (deps: FanOutDeps): Handler<Payload, StateReply> =>
  async (delivery) => {
    const { app, id, payload } = delivery;
    const known = await deps.announcements.find(app, payload.announcementId);
    if (!known) return reply({ outcome: "not-found", progress: null });
    const isDone = [...known.changes, ...known.corrections].some(({ by }) => by === id);
    if (!isDone) {
      const fault = contentFault({ ...known, ...present(payload.content), ...present(payload.terms) });
      if (fault) {
        const { property, reason } = fault;
        return refuse(new DomainError("invalid_property", { property }, { message: `${property} ${reason}` }));
      }
      await change(deps, delivery, known);
    }
    const header = await deps.announcements.find(app, payload.announcementId);
    if (!header) return reply({ outcome: "not-found", progress: null });
    const isTold = await tell(deps, delivery, header);
    return reply({ outcome: isTold ? "done" : "wrong-state", progress: await progressOf(deps, header) });
  };

async function change({ announcements }: FanOutDeps, { app, id, payload }: Delivery<Payload>, known: Header) {
  const { announcementId, content, terms } = payload;
  const key = announcementKey(app, announcementId);
  const said = withTokens(present(content), known);
  if (known.state === "scheduled") {
    const set = withTokens({ ...said, ...present(terms) }, known);
    const startsAt =
      "schedule" in set ? { startsAt: firstStartOf({ schedule: set.schedule ?? null }) ?? Date.now() } : {};
    const ends = ["expiresAt", "schedule", "retentionDays"].some((field) => field in set);
    const expiresAt = ends ? changedEnd(known, set, Date.now()) : known.expiresAt;
    // Of this version: it may start at this very moment, and then only what it says may change.
    const { version } = known;
    const put = await announcements.move(key, ["scheduled"], "scheduled", {
      by: id,
      version,
      change: { ...set, ...startsAt, expiresAt, hidesFrom: expiresAt },
    });
    if (put) return;
  }
  if (Object.keys(present(terms)).length === 0) await announcements.correct(key, BEGUN, id, said);
}

/** Whether this command changed it; if so its event is published (again). */
async function tell({ broker }: FanOutDeps, delivery: Delivery<Payload>, header: Header): Promise<boolean> {
  const { app, id, payload } = delivery;
  const { announcementId } = payload;
  const planned = header.changes.find(({ by }) => by === id);
  if (planned) {
    const { version, at } = planned;
    const event = { announcementId, version, at, startsAt: header.startsAt ?? header.at };
    await broker.emit(AnnouncementScheduled, app, event, { cause: delivery, subjectVersion: version });
    return true;
  }
  const correction = header.corrections.find(({ by }) => by === id);
  if (!correction) return false;
  const { version } = header;
  const { revision, at } = correction;
  const event = { announcementId, version, at, revision, hasNotification: header.notification !== null };
  await broker.emit(AnnouncementCorrected, app, event, { cause: delivery, subjectVersion: version });
  return true;
}

/** What is said otherwise is found otherwise. */
const withTokens = (said: HeaderChange, known: Header): HeaderChange =>
  "parts" in said || "variants" in said ? { ...said, tokens: tokensOf({ ...known, ...said }) } : said;

/** Without what is absent, so that it stays as it is. */
const present = (fields: Payload["content"] & Payload["terms"]): HeaderChange =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
