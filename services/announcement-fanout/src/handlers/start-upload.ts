import type { PayloadOf, ReplyOf, StartUpload } from "@strata/contracts";
import { type Handler, type Outcome, reply } from "@strata/messaging";
import { RECIPIENTS_PER_BATCH } from "../domain/batch.ts";
import { type Header, isStopped } from "../domain/header.ts";
import { firstStartOf } from "../domain/start.ts";
import type { RecipientStore } from "../store/recipient-store.ts";
import type { UploadStore } from "../store/upload-store.ts";
import { progressOf } from "./progress.ts";
import { announceStarted, type StartDeps, startOrSchedule } from "./start-or-schedule.ts";

interface Deps extends StartDeps {
  readonly uploads: UploadStore;
  readonly recipients: RecipientStore;
}

type Reply = ReplyOf<typeof StartUpload>;

/**
 * Counts what was uploaded and starts its distribution, now or at its time. Again, it is answered alike; the same command
 * again publishes again.
 */
export const startUpload =
  (deps: Deps): Handler<PayloadOf<typeof StartUpload>, Reply> =>
  async (delivery) => {
    const { app, id, payload } = delivery;
    const { announcementId, maxRecipients } = payload;
    const find = (): Promise<Header | null> => deps.announcements.find(app, announcementId);
    const answer = async (outcome: Reply["outcome"], header: Header | null, count: number | null = null) =>
      reply({ outcome, recipientCount: count, progress: header && (await progressOf(deps, header)) });

    const found = await find();
    if (!found) return answer("not-found", null);
    if (!found.isUploaded) return answer("not-an-upload", found);
    if (found.startedBy !== null || found.state !== "accepting") {
      if (found.startedBy === id) await announceStarted(deps, delivery, found);
      return answer(isStopped(found) ? "ended" : "started", found, found.recipientCount);
    }
    const counts = await deps.uploads.count(app, announcementId);
    const recipientCount = counts.reduce((sum, { users }) => sum + users, 0);
    if (recipientCount === 0) return answer("empty", found, 0);
    if (recipientCount > maxRecipients) return answer("too-many", found, recipientCount);
    const chunks = counts.map(({ partition, users }) => ({
      partition,
      count: Math.ceil(users / RECIPIENTS_PER_BATCH),
    }));
    // Those who get it at once get it now, whenever the upload began.
    const startsAt = Math.max(firstStartOf(found) ?? 0, Date.now());
    const started: Outcome = await startOrSchedule(deps, delivery, found, chunks, {
      recipientCount,
      startsAt,
    });
    return started.kind === "reply" ? answer("started", await find(), recipientCount) : started;
  };
