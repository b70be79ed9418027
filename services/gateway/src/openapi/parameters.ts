import type { PageSizes } from "@strata/layer-protocol";
import { z } from "zod";
import { exampleIds } from "./examples.ts";

const App = z
  .string()
  .meta({ description: "The app's id, a UUID or a URI of its environment", example: exampleIds.app });
const User = z.string().min(1).max(128).meta({ description: "A user id, percent-encoded", example: "user-1" });
const Announcement = z.string().meta({ description: "UUID of an announcement", example: exampleIds.announcement });

const Conversation = z.string().meta({
  description: "UUID or URI of a conversation",
  example: exampleIds.conversation,
});

export const AppPath = z.object({ app: App });
export const AnnouncementPath = AppPath.extend({ announcement: Announcement });
export const AnnouncementRecipientPath = AnnouncementPath.extend({ user: User });
export const NotificationPath = AppPath.extend({
  notification: z.string().meta({ description: "UUID or URI of a notification", example: exampleIds.notification }),
});
export const UserPath = AppPath.extend({ user: User });
export const BlockedUserPath = UserPath.extend({ blocked: User });
export const FollowedUserPath = UserPath.extend({ followed: User });
export const OtherUserPath = UserPath.extend({ other: User });
export const OtherPath = z.object({ other: User });
export const UserAnnouncementPath = UserPath.extend({ announcement: Announcement });
const Message = z.string().meta({
  description: "UUID or URI of a message",
  example: exampleIds.message,
});

export const inPart = {
  part: z.string().meta({ description: "UUID of a part, or its place counted from 0", example: exampleIds.part }),
} as const;
export const inMessage = { message: Message } as const;
export const inMember = { member: User } as const;
export const inConversation = { conversation: Conversation } as const;
export const ofInvite = {
  invite: z.string().meta({ description: "UUID or URI of an invite", example: exampleIds.invite }),
} as const;
export const ofContent = {
  content: z.string().meta({ description: "UUID of the content", example: exampleIds.content }),
} as const;
export const DevicePath = UserPath.extend({
  device: z
    .string()
    .min(1)
    .max(256)
    .meta({ description: "The app's own word for one installation", example: "phone-1" }),
});
export const SegmentPath = AppPath.extend({
  segment: z.string().meta({ description: "UUID or URI of a segment", example: exampleIds.segment }),
});
export const RulePath = AppPath.extend({
  rule: z.string().meta({ description: "UUID or URI of a membership rule", example: exampleIds.rule }),
});
export const RuleRunPath = RulePath.extend({
  run: z.string().meta({ description: "UUID or URI of a run", example: exampleIds.run }),
});
export const TokenPath = AppPath.extend({
  token: z.string().meta({ description: "UUID of a token", example: exampleIds.token }),
});
export const AccountTokenPath = TokenPath.pick({ token: true });
export const AccountMemberPath = z.object({
  account_member: z.string().meta({
    description: "UUID of a member of the account, or `me`",
    example: exampleIds.accountMember,
  }),
});
export const SandboxPath = z.object({
  sandbox: z.string().meta({ description: "UUID of an account that signed up by itself", example: exampleIds.account }),
});
export const IdentityProviderPath = AppPath.extend({
  provider: z.string().meta({ description: "UUID or URI of an identity provider", example: exampleIds.provider }),
});
export const IdentityKeyPath = IdentityProviderPath.extend({
  key: z.string().meta({ description: "UUID or URI of a key", example: exampleIds.key }),
});
export const PushCredentialPath = AppPath.extend({
  push_credential: z.uuid().meta({ description: "A UUID that the caller chooses", example: exampleIds.pushCredential }),
});

export const pagingOf = (sizes: PageSizes, fromId: string) =>
  z.object({
    page_size: z
      .int()
      .min(1)
      .default(sizes.default)
      .meta({ description: `Rows per page; above ${sizes.max} means ${sizes.max}` }),
    from_id: z
      .string()
      .optional()
      .meta({ description: `${fromId}: rows come from behind it` }),
  });

/** For whom a user deletes. */
export const DeleteQuery = z.object({
  mode: z.enum(["all_participants", "my_devices"]).meta({ description: "For everybody, or from her own view" }),
});

export const LayerCount = z.object({
  "Layer-Count": z.int().meta({ description: "How many rows there are on all pages together" }),
});

export const LocationHeader = z.object({
  Location: z.url().meta({ description: "What was accepted" }),
});

export const IdempotencyKey = z.object({
  "Idempotency-Key": z
    .string()
    .min(1)
    .max(255)
    .optional()
    .meta({ description: "A repeat with the same key and body is answered like the first time; another body is 422" }),
});

/** De-duplication of what creates something under an id. */
export const CreationHeaders = IdempotencyKey.extend({
  "If-None-Match": z
    .uuid()
    .optional()
    .meta({ description: "The id of what is to be created; a repeat answers 409 `id_in_use` with the object" }),
});
