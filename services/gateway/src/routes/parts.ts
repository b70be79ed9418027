import type { Message } from "@strata/contracts";
import { type Composer, findMessage, type MessagePlace, type Viewer } from "@strata/doors";
import { z } from "zod";
import type { HttpDoor } from "../conversing/doors.ts";
import { PART_VERSIONS, partAsRead, partReferenceOf } from "../conversing/find-part.ts";
import { type Call, type GuardedRoute, ok, type Route } from "../http/route.ts";
import { PartView } from "../openapi/message-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { inConversation, inMessage, inPart } from "../openapi/parameters.ts";

const PLACES: Readonly<Record<MessagePlace, string>> = {
  "in-conversation": "/conversations/:conversation/messages/:message/parts",
  anywhere: "/messages/:message/parts",
};

/** Reads parts of messages: a message's `url`s lead there, in each view. */
export function partReadingRoutes(door: HttpDoor, place: MessagePlace, composer: Composer): readonly Route[] {
  const named = place === "anywhere" ? inMessage : { ...inConversation, ...inMessage };
  const common = { method: "get", access: "conversations:read", versions: PART_VERSIONS } as const;
  const path = `${door.prefix}${PLACES[place]}`;
  const shown = async (call: Call): Promise<{ viewer: Viewer; message: Message }> => {
    const viewer = door.viewer(call);
    await door.admit(call, viewer);
    return { viewer, message: await findMessage(call, viewer, place) };
  };
  const listing: GuardedRoute = {
    ...common,
    path,
    operation: operation({
      id: `list${door.words.id}Parts`,
      tag: "Messages",
      summary: `The parts of a message as ${door.words.who} sees them, in their order`,
      description: "Versions 2.0 and 3.0.",
      path: door.path.extend(named),
      answer: { status: 200, description: "All of them", schema: z.array(PartView) },
      errors: [404, 422],
    }),
    async handle(call) {
      const { viewer, message } = await shown(call);
      return ok(composer.parts(call, viewer, message));
    },
  };
  const getting: GuardedRoute = {
    ...common,
    path: `${path}/:part`,
    operation: operation({
      id: `get${door.words.id}Part`,
      tag: "Messages",
      summary: `A part of a message as ${door.words.who} sees it`,
      description: "Versions 2.0 and 3.0.",
      path: door.path.extend({ ...named, ...inPart }),
      answer: { status: 200, description: "The part", schema: PartView },
      errors: [404, 422],
    }),
    async handle(call) {
      const reference = partReferenceOf(call);
      const { viewer, message } = await shown(call);
      return ok(partAsRead(call, composer, viewer, message, reference));
    },
  };
  return [listing, getting];
}
