import { z } from "zod";
import type { TestSocket } from "./socket-client.ts";

const Operation = z.object({ operation: z.string(), property: z.string(), id: z.string().optional() });
const ChangeRead = z.object({
  operation: z.string(),
  object: z.object({ type: z.string(), id: z.string() }),
  data: z.unknown(),
});
const ConversationRead = z.object({ participants: z.array(z.object({ id: z.string() })) });

/** What a client holds once it has applied what it was sent, in that order, as the published ones do (client API 6.5, 7). */
export interface Kept {
  /** Whose identities it has: whom its user follows. */
  readonly following: readonly string[];
  /** Who is in each conversation that it has. */
  readonly participants: ReadonlyMap<string, readonly string[]>;
}

/** `before`: what it had by REST before its socket told it anything. */
export function keptBy(
  { packets }: Pick<TestSocket, "packets">,
  before: Partial<Kept> = {},
): { readonly following: readonly string[]; participantsOf(conversationId: string): readonly string[] } {
  const following = new Set((before.following ?? []).map(identityId));
  const participants = new Map(
    [...(before.participants ?? [])].map(([id, userIds]) => [conversationIdOf(id), new Set(userIds.map(identityId))]),
  );
  for (const { type, body } of packets) {
    if (type !== "change") continue;
    const { operation, object, data } = ChangeRead.parse(body);
    if (object.type === "Identity" && operation === "create") following.add(object.id);
    if (object.type === "Identity" && operation === "delete") following.delete(object.id);
    if (object.type !== "Conversation") continue;
    if (operation === "create") {
      participants.set(object.id, new Set(ConversationRead.parse(data).participants.map(({ id }) => id)));
    }
    if (operation !== "update") continue;
    for (const { operation: what, property, id } of z.array(Operation).parse(data)) {
      if (property !== "participants" || id === undefined) continue;
      if (what === "add") participants.get(object.id)?.add(id);
      if (what === "remove") participants.get(object.id)?.delete(id);
    }
  }
  return {
    following: [...following].map(userIdOf).toSorted(),
    participantsOf: (conversationId) =>
      [...(participants.get(conversationIdOf(conversationId)) ?? [])].map(userIdOf).toSorted(),
  };
}

const identityId = (userId: string): string => `layer:///identities/${userId}`;
const userIdOf = (id: string): string => id.slice("layer:///identities/".length);
const conversationIdOf = (conversationId: string): string => `layer:///conversations/${conversationId}`;
