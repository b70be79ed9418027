import { RecordMessageReceipt } from "@strata/contracts";
import { messageIdOf } from "@strata/doors";
import { parseReceipt } from "@strata/layer-protocol";
import type { UserDoor } from "../conversing/doors.ts";
import { type Answer, type Call, noContent, type Route } from "../http/route.ts";
import { ReceiptBody } from "../openapi/announcement-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { inMessage } from "../openapi/parameters.ts";

export const recordMessageReceipt = (door: UserDoor, maxBodyBytes: number): Route => ({
  method: "post",
  path: `${door.prefix}/messages/:message/receipts`,
  access: "conversations:write",
  maxBodyBytes,
  operation: operation({
    id: "createMessageReceipt",
    tag: "Messages",
    summary: "Say that a user got or read a message",
    description: "Receipts only move forward; the same one again changes nothing.",
    path: door.path.extend(inMessage),
    body: ReceiptBody,
    answer: { status: 204, description: "Recorded" },
    errors: [404, 413, 422],
  }),
  handle: (call) => record(call, door),
});

/** Who does not see the message is refused by its owner; who does not exist sees none. */
async function record(call: Call, door: UserDoor): Promise<Answer> {
  const kind = parseReceipt(call.body);
  const userId = door.viewer(call);
  await call.calls.request(RecordMessageReceipt, { messageId: messageIdOf(call), userId, kind, at: Date.now() });
  return noContent;
}
