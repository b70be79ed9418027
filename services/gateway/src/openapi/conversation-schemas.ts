import { z } from "zod";
import { Time, Uri, Url } from "./announcement-schemas.ts";
import { examples } from "./examples.ts";
import { UserMessageView } from "./message-schemas.ts";
import { BasicIdentity } from "./user-schemas.ts";

interface Metadata {
  [key: string]: string | Metadata;
}
const Metadata: z.ZodType<Metadata> = z
  .record(z.string(), z.union([z.string(), z.lazy(() => Metadata)]))
  .meta({ id: "ConversationMetadata", description: "Strings, and objects of such" });

const exampleParticipants = ["layer:///identities/user-1", "layer:///identities/operator"];

/** The body of `POST …/conversations`. */
export const ConversationBody = z
  .object({
    id: Uri.optional().meta({ description: "The id to create it under; If-None-Match wins" }),
    participants: z
      .array(z.string())
      .min(1)
      .meta({ description: "Identity URIs from 2.0, or user ids; users never seen are made known" }),
    distinct: z.boolean().nullish().meta({ description: "Whether there shall be one only of these participants" }),
    metadata: Metadata.nullish(),
  })
  .meta({
    id: "ConversationRequest",
    example: { participants: exampleParticipants, distinct: true, metadata: { topic: { order: "4711" } } },
  });

const Users = z.union([z.string(), z.array(z.string()).min(1)]);

/** The Layer-Patch of a conversation. */
export const ConversationPatchBody = z
  .array(
    z.union([
      z.object({
        operation: z.enum(["add", "remove", "set"]),
        property: z.literal("participants"),
        id: z.string().optional().meta({ description: "Identity URI" }),
        value: Users.optional().meta({ description: "Identity URI from 2.0, or user id; all of them to `set`" }),
      }),
      z.object({
        operation: z.enum(["set", "delete"]),
        property: z
          .string()
          .regex(/^metadata(\.|$)/)
          .meta({ description: "`metadata`, or a path below it" }),
        value: z.union([z.string(), Metadata]).nullish(),
      }),
    ]),
  )
  .meta({
    id: "ConversationPatch",
    example: [
      { operation: "add", property: "participants", id: "layer:///identities/user-2" },
      { operation: "set", property: "metadata.topic.order", value: "4712" },
    ],
  });

const Participants = z
  .union([z.array(BasicIdentity), z.array(z.string())])
  .meta({ description: "Identities from 2.0, user ids in 1.x; in the order in which they came" });

const fields = {
  id: Uri,
  url: Url,
  messages_url: Url,
  created_at: Time,
  participants: Participants,
  distinct: z.boolean(),
  metadata: Metadata,
};

export const ConversationView = z.strictObject(fields).meta({ id: "Conversation", example: examples.conversation });

export const UserConversationView = z
  .strictObject({
    ...fields,
    last_message: UserMessageView.nullable(),
    unread_message_count: z.int(),
    total_message_count: z.int(),
  })
  .meta({
    id: "UserConversation",
    example: examples.userConversation,
    description: "A conversation as one user sees it",
  });

const Position = z.number().min(0).meta({ description: "As in messages" });

export const PositionBody = z
  .object({ position: Position.nullish().meta({ description: "null or absent: up to the newest" }) })
  .meta({ id: "PositionRequest", example: { position: null } });

export const PositionView = z
  .strictObject({ position: Position })
  .meta({ id: "Position", example: { position: 1_048_576 } });
