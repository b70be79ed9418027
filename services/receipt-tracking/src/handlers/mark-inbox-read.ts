import { type EmptyReply, type InboxKey, MarkInboxRead, type PayloadOf, RecordReceipts } from "@strata/contracts";
import { ack, type Handler, type Publisher } from "@strata/messaging";
import type { Inboxes } from "../inbox.ts";
import type { ReceiptStore } from "../store/receipt-store.ts";
import { itemsOf } from "../unread.ts";

interface Deps {
  readonly receipts: ReceiptStore;
  readonly inboxes: Pick<Inboxes, "page">;
  readonly publisher: Publisher;
}

/** Announcements that one step looks at, and commands that it sends at most. */
const STEP = 1_000;

/**
 * Looks at one step of an inbox, has what is unread in it recorded as read, and the next step taken by a command of its
 * own, so that an inbox of any length holds nobody up. Whatever it sends has the same id when the step comes again, and
 * a receipt counts once.
 */
export const markInboxRead =
  (deps: Deps): Handler<PayloadOf<typeof MarkInboxRead>, EmptyReply> =>
  async (delivery) => {
    const { app, id, payload } = delivery;
    const { userId, knownSince, until, at, behind = null } = payload;
    const { keys } = await deps.inboxes.page(app, { userId, knownSince }, { behind, until }, STEP);
    const items = await itemsOf(deps.receipts, { app, userId }, keys);
    const first = firstStep(id);
    await Promise.all(
      items
        .filter(({ isUnread }) => isUnread)
        .map(async ({ announcementId }) => {
          const read = { announcementId, receipts: [{ userId, kind: "read" as const, at }] };
          await deps.publisher.send(RecordReceipts, app, read, { cause: delivery, id: `${first}:${announcementId}` });
        }),
    );
    const last = keys.at(-1);
    if (last === undefined || keys.length < STEP) return ack;
    await deps.publisher.send(
      MarkInboxRead,
      app,
      { ...payload, behind: last },
      { cause: delivery, id: stepId(id, last) },
    );
    return ack;
  };

/** `<the first step>:<where this one begins>` */
const stepId = (id: string, { at, announcementId }: InboxKey): string => `${firstStep(id)}:${at}:${announcementId}`;
const firstStep = (id: string): string => id.split(":", 1)[0] ?? id;
