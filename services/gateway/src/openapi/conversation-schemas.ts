import { z } from "zod";
import { NotificationBody, Time, Uri, Url } from "./announcement-schemas.ts";
import { examples } from "./examples.ts";
import { FreezeView, RolesBody } from "./member-schemas.ts";
import { UserMessageView } from "./message-schemas.ts";
import { BasicIdentity } from "./user-schemas.ts";

interface Metadata {
  [key: string]: string | Metadata;
}
export const Metadata: z.ZodType<Metadata> = z
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

const SystemMessageBody = z
  .object({
    sender_id: z.string().optional().meta({ description: "Whom it is from, from 2.0: identity URI or user id" }),
    sender: z
      .object({ user_id: z.string().nullish(), name: z.string().nullish() })
      .optional()
      .meta({ description: "The same in 1.x: one of the two" }),
    parts: z
      .array(z.object({ mime_type: z.string().min(1), body: z.string(), encoding: z.literal("base64").nullish() }))
      .min(1)
      .meta({ description: "Inline: content cannot be there before its conversation is" }),
    notification: NotificationBody.nullish(),
  })
  .meta({ id: "SystemMessageRequest", description: "A message that a conversation sends by itself" });

const MOST_SECONDS = 400 * 86_400;

export const WarningBody = SystemMessageBody.extend({ before_seconds: z.number().min(1).max(MOST_SECONDS) });

/** What may be changed as long as it has not happened. */
const schedule = {
  opens_at: Time.nullish().meta({
    description: "Within 400 days, what is over is at once; until then nobody but the backend sees it",
  }),
  ice_breaker: z
    .union([SystemMessageBody, z.array(SystemMessageBody).max(12)])
    .nullish()
    .meta({ description: "Sent as it opens, in this order" }),
  expires_at: Time.nullish().meta({ description: "When it closes for writing. Either this or `ttl_seconds`" }),
  ttl_seconds: z
    .number()
    .min(1)
    .max(MOST_SECONDS)
    .nullish()
    .meta({ description: "How long after it opens it closes for writing" }),
  grace_seconds: z
    .number()
    .min(0)
    .max(MOST_SECONDS)
    .nullish()
    .meta({ description: "How long after it has closed it is deleted; a day where nothing is said" }),
  warning: WarningBody.nullish().meta({ description: "Sent so long before it closes" }),
};

const exampleIceBreaker = {
  sender_id: "layer:///identities/operator",
  parts: [{ mime_type: "text/plain", body: "You like each other: say hello" }],
};

/** The body of the backend's `POST …/conversations`. */
export const ScheduledConversationBody = ConversationBody.extend({
  ...schedule,
  participants: ConversationBody.shape.participants.nullish().meta({
    description: "Identity URIs from 2.0, or user ids; users never seen are made known. Needed without `invites`",
  }),
  invites: z
    .array(z.string())
    .nullish()
    .meta({ description: "Who may come, and takes part when she accepts. Not with `distinct`" }),
  visible_history: z
    .enum(["all", "from_joining"])
    .nullish()
    .meta({ description: "What who joins later sees of what was said before; all where nothing is said" }),
  roles: RolesBody.nullish(),
}).meta({
  id: "ScheduledConversationRequest",
  example: {
    participants: exampleParticipants,
    distinct: true,
    metadata: { topic: { order: "4711" } },
    ice_breaker: exampleIceBreaker,
    ttl_seconds: 86_400,
  },
});

/** The body of `PATCH …/conversations/:id/schedule`. */
export const ScheduleChangeBody = z.object(schedule).meta({
  id: "ConversationScheduleChange",
  description:
    "What is absent stays as it is. null takes away: `opens_at` opens it now, `expires_at` or `ttl_seconds` never closes it, " +
    "`warning` and `ice_breaker` say nothing. Whoever changes the closing or the warning of a conversation that has warned, " +
    "has it warn once more: the step is pending again",
  example: { ttl_seconds: 172_800, warning: { before_seconds: 3_600, ...exampleIceBreaker } },
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
  freeze: FreezeView.optional().meta({ description: "While it is frozen: nobody below a moderator writes" }),
};

/** What a conversation does by itself. */
export const ScheduleView = z
  .strictObject({
    url: Url,
    state: z.enum(["scheduled", "open", "closed"]).meta({
      description: "`scheduled`: nobody but the backend sees it. `closed`: everybody sees it, nobody writes into it",
    }),
    steps: z
      .array(
        z.strictObject({
          step: z.enum(["open", "warn", "close", "delete"]),
          state: z.enum(["pending", "done", "canceled"]),
          at: Time.meta({ description: "When it is due, happened, or would have been due" }),
        }),
      )
      .meta({ description: "In their order; what was never asked for is absent" }),
  })
  .meta({ id: "ConversationSchedule", example: examples.conversationSchedule });

export const ConversationView = z
  .strictObject({
    ...fields,
    schedule: ScheduleView.optional().meta({ description: "Where something was asked for that happens by itself" }),
    roles: RolesBody.optional().meta({ description: "Of participants who have another than member" }),
    visible_history: z.literal("from_joining").optional().meta({ description: "Absent: who joins sees everything" }),
  })
  .meta({ id: "Conversation", example: examples.conversation });

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
