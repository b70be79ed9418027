import { findMessage } from "@strata/doors";
import { responsesView } from "@strata/layer-protocol";
import type { HttpDoor } from "../conversing/doors.ts";
import { PART_VERSIONS } from "../conversing/find-part.ts";
import { ok, type Route } from "../http/route.ts";
import { ResponsesView } from "../openapi/response-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { inConversation, inMessage } from "../openapi/parameters.ts";

/** Who answered a question with what, counted: an extension beside the summary that clients read as a part of it. */
export const getResponses = (door: HttpDoor): Route => ({
  method: "get",
  path: `${door.prefix}/conversations/:conversation/messages/:message/responses`,
  access: "conversations:read",
  versions: PART_VERSIONS,
  operation: operation({
    id: `get${door.words.id}Responses`,
    tag: "Messages",
    summary: `What was answered to a message, as ${door.words.who} sees it`,
    description:
      "Of choice, feedback and button cards: for each node that asks, and each name under which it keeps answers, how many " +
      "gave which, and who. Taken back, an answer is no longer there. Versions 2.0 and 3.0.",
    path: door.path.extend({ ...inConversation, ...inMessage }),
    answer: { status: 200, description: "All answers; none of a message that asks nothing", schema: ResponsesView },
    errors: [404, 422],
  }),
  async handle(call) {
    const viewer = door.viewer(call);
    await door.admit(call, viewer);
    const { parts } = await findMessage(call, viewer, "in-conversation");
    return ok(responsesView(parts));
  },
});
