import { z } from "zod";
import { Time, Uri, Url } from "./announcement-schemas.ts";
import { exampleIds } from "./examples.ts";
import { Metadata } from "./conversation-schemas.ts";

const API = `https://api.example.com/apps/${exampleIds.app}`;
const CONVERSATION = `${API}/conversations/${exampleIds.conversation}`;
const example = {
  id: `layer:///invites/${exampleIds.invite}`,
  user_id: "layer:///identities/user-2",
  inviter_id: "layer:///identities/user-1",
  metadata: { title: "Rowing on Sunday" },
  state: "pending",
  created_at: "2020-01-02T03:04:05.678Z",
  expires_at: "2020-01-03T03:04:05.678Z",
};

const INVITE_STATES = ["pending", "accepted", "declined", "revoked", "expired"] as const;

export const InviteStateQuery = z
  .enum(INVITE_STATES)
  .optional()
  .meta({ description: "Only those that stand so; all where nothing is said" });

/** The body of `POST …/conversations/:id/invites`. */
export const InviteBody = z
  .object({
    id: Uri.optional().meta({ description: "The id to create it under; If-None-Match wins" }),
    user_id: z.string().nullish().meta({ description: "Who may come: identity URI from 2.0, or user id" }),
    max_uses: z
      .int()
      .min(1)
      .max(1_000)
      .nullish()
      .meta({ description: "Instead of `user_id`: makes a code, by which so many may come" }),
    inviter_id: z
      .string()
      .nullish()
      .meta({ description: "In whose name; the app's where the backend says nothing, a user's own where she invites" }),
    metadata: Metadata.nullish().meta({ description: "What whoever is invited is to know before she comes" }),
    expires_at: Time.nullish().meta({ description: "Either this or `ttl_seconds`; else it does not expire" }),
    ttl_seconds: z.number().min(1).max(34_560_000).nullish(),
  })
  .meta({
    id: "InviteRequest",
    example: {
      user_id: "layer:///identities/user-2",
      inviter_id: "layer:///identities/user-1",
      metadata: { title: "Rowing on Sunday" },
      ttl_seconds: 86_400,
    },
  });

const guestFields = {
  id: Uri,
  url: Url,
  user_id: z.string().nullable().meta({ description: "Who is invited; null where there is a code" }),
  inviter_id: z.string().nullable(),
  metadata: Metadata,
  state: z.enum(INVITE_STATES).meta({ description: "Of a code: `accepted` once all its uses are taken" }),
  created_at: Time,
  expires_at: Time.nullable(),
};

/** What whoever is invited sees. */
export const GuestInviteView = z.strictObject({ ...guestFields, conversation: z.strictObject({ id: Uri }) }).meta({
  id: "GuestInvite",
  example: {
    ...example,
    url: `${API}/users/user-2/invites/${exampleIds.invite}`,
    conversation: { id: `layer:///conversations/${exampleIds.conversation}` },
  },
});

/** What the backend and who may invite see. */
export const InviteView = z
  .strictObject({
    ...guestFields,
    conversation: z.strictObject({ id: Uri, url: Url }),
    code: z.string().nullable().meta({ description: "For a link of your own; whoever has it may come" }),
    max_uses: z.int(),
    uses: z
      .array(z.strictObject({ user_id: z.string().nullable(), used_at: Time }))
      .meta({ description: "Who came by it; null for who was deleted since" }),
  })
  .meta({
    id: "Invite",
    example: {
      ...example,
      url: `${CONVERSATION}/invites/${exampleIds.invite}`,
      conversation: { id: `layer:///conversations/${exampleIds.conversation}`, url: CONVERSATION },
      code: null,
      max_uses: 1,
      uses: [],
    },
  });

/** The body of `POST …/users/:user/redeem_invite`. */
export const InviteCodeBody = z
  .object({ code: z.string().min(1).max(64) })
  .meta({ id: "InviteCode", example: { code: exampleIds.inviteCode } });
