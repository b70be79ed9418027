import type { GetPushOutcomes, ListPushOutcomes, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { outcomesOf } from "../domain/outcomes-of.ts";
import { announcementPlansOf, messagePlanId } from "../domain/plan-id.ts";
import type { ChunkStore } from "../store/chunk-store.ts";
import type { DeviceStore } from "../store/device-store.ts";

interface Deps {
  readonly chunks: Pick<ChunkStore, "ofUser">;
  readonly devices: Pick<DeviceStore, "ofUser">;
}

/** The ledger's entries about one user, and how many devices she has now. */
export const getPushOutcomes =
  ({ chunks, devices }: Deps): Handler<PayloadOf<typeof GetPushOutcomes>, ReplyOf<typeof GetPushOutcomes>> =>
  async ({ app, payload: { announcementId, userId } }) => {
    const [rows, owned] = await Promise.all([
      chunks.ofUser([announcementPlansOf(app, announcementId, userId)], userId),
      devices.ofUser(app, userId),
    ]);
    return reply({ outcomes: rows.flatMap((row) => outcomesOf(row, userId)), devices: owned.length });
  };

/** The ledger's entries about one user and several announcements or messages. */
export const listPushOutcomes =
  ({ chunks }: Pick<Deps, "chunks">): Handler<PayloadOf<typeof ListPushOutcomes>, ReplyOf<typeof ListPushOutcomes>> =>
  async ({ app, payload: { userId, kind, ids } }) => {
    const planOf = (id: string) =>
      kind === "announcement" ? announcementPlansOf(app, id, userId) : messagePlanId(app, id);
    const rows = await chunks.ofUser(ids.map(planOf), userId);
    const outcomes = rows.flatMap((row) =>
      outcomesOf(row, userId).map((outcome) => Object.assign({ id: row.subject.id }, outcome)),
    );
    return reply({ outcomes });
  };
