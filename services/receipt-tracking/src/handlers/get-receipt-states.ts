import type { GetReceiptStates, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Delivery, type Outcome, reply } from "@strata/messaging";
import { recipientStates } from "../recipient-states.ts";
import type { ReceiptStore } from "../store/receipt-store.ts";

type Query = PayloadOf<typeof GetReceiptStates>;
type Reply = ReplyOf<typeof GetReceiptStates>;

/** One user's state for many announcements, in the order asked. Whether the user is a recipient at all is not looked at. */
export const getReceiptStates =
  ({ receipts }: { readonly receipts: ReceiptStore }) =>
  async ({ app, payload: { userId, announcementIds } }: Delivery<Query>): Promise<Outcome<Reply>> => {
    const asked = [...new Set(announcementIds)].map((announcementId) => ({ announcementId, userId }));
    const states = await recipientStates(receipts, app, asked);
    return reply({
      states: asked.flatMap(({ announcementId }, index) => {
        const state = states[index];
        return state ? Object.assign(state, { announcementId }) : [];
      }),
    });
  };
