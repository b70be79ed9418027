import {
  AnnouncementRetention,
  AppSettings,
  DEFAULT_APP_SETTINGS,
  DEFAULT_MAX_AUDIENCE_USERS,
} from "@strata/contracts";
import { parseBySchema, requireJsonObject } from "@strata/layer-protocol";
import { z } from "zod";

const { shape } = AppSettings;
const { shape: retention } = AnnouncementRetention;

/** All settings under their names on the wire. */
export const WireSettings = z.strictObject({
  session_ttl_in_seconds: shape.sessionTtlSeconds.meta({ description: "How long a session lasts" }),
  max_participants: shape.maxParticipants.meta({ description: "Of one conversation" }),
  max_conversation_metadata_bytes: shape.maxConversationMetadataBytes.meta({ description: "Of it as JSON" }),
  max_announcement_recipients: shape.maxAnnouncementRecipients.meta({
    description: "Named in one announcement; the deployment may allow fewer",
  }),
  max_audience_users: shape.maxAudienceUsers.unwrap().meta({
    description:
      "Whom one announcement may reach by filter, segment, upload, or as everyone; an upload has at most 10,000,000",
  }),
  max_parts_per_message: shape.maxPartsPerMessage,
  announcement_retention: z
    .strictObject({ default_days: retention.defaultDays, categories: retention.categories })
    .meta({
      description:
        "For how many days what is announced from now on stays in the inboxes, by its category, else all; null: for good. " +
        "What is counted of it stays",
    }),
  shows_phone_numbers: shape.showsPhoneNumbers.meta({ description: "Whether users see those of others" }),
  shows_email_addresses: shape.showsEmailAddresses.meta({ description: "Whether users see those of others" }),
  shows_metadata: shape.showsMetadata.meta({ description: "Whether users see that of others" }),
  badge_counting: shape.badgeCounting.unwrap().meta({
    description:
      "What the number on the app's icon counts beside `external_unread_count`: unread messages, conversations that have " +
      "some, nothing else, or the number is left alone",
  }),
  badge_with_announcements: shape.badgeWithAnnouncements.unwrap().meta({
    description: "Whether that number counts unread announcements, too",
  }),
  allowed_origins: shape.allowedOrigins.unwrap().meta({
    description: "Web origins whose pages may open sockets, such as `https://chat.example.com`; none named: any",
  }),
});

const NAMES: Readonly<
  Record<Exclude<keyof z.infer<typeof WireSettings>, "announcement_retention">, keyof AppSettings>
> = {
  session_ttl_in_seconds: "sessionTtlSeconds",
  max_participants: "maxParticipants",
  max_conversation_metadata_bytes: "maxConversationMetadataBytes",
  max_announcement_recipients: "maxAnnouncementRecipients",
  max_audience_users: "maxAudienceUsers",
  max_parts_per_message: "maxPartsPerMessage",
  shows_phone_numbers: "showsPhoneNumbers",
  shows_email_addresses: "showsEmailAddresses",
  shows_metadata: "showsMetadata",
  badge_counting: "badgeCounting",
  badge_with_announcements: "badgeWithAnnouncements",
  allowed_origins: "allowedOrigins",
};

const Changes = AppSettings.partial();

/** The body of `PATCH /accounts/apps/:app/settings`; unknown fields are ignored. */
export const SettingsBody = z.object(WireSettings.shape).partial();

/**
 * The settings that a body names; what is left out, or null, stays as it is.
 * @throws LayerError 400 `invalid_request`; 422 `invalid_property`
 */
export function parseSettings(body: unknown): z.infer<typeof Changes> {
  const named = Object.entries(requireJsonObject(body)).filter(([, value]) => value !== null);
  const { announcement_retention: kept, ...others } = parseBySchema(SettingsBody, Object.fromEntries(named));
  const wanted = new Map(Object.entries(others));
  return Changes.parse({
    ...Object.fromEntries(
      Object.entries(NAMES).flatMap(([wireName, name]) =>
        wanted.has(wireName) ? [[name, wanted.get(wireName)] as const] : [],
      ),
    ),
    ...(kept ? { announcementRetention: { defaultDays: kept.default_days, categories: kept.categories } } : {}),
  });
}

export function settingsView(settings: AppSettings) {
  const { defaultDays, categories } = settings.announcementRetention ?? KEPT;
  return {
    ...Object.fromEntries(
      Object.entries(NAMES).map(([wireName, name]) => [wireName, settings[name] ?? DEFAULT_APP_SETTINGS[name]]),
    ),
    announcement_retention: { default_days: defaultDays, categories },
  };
}

/** A directory of before that setting does not say. */
const KEPT: AnnouncementRetention = { defaultDays: null, categories: {} };

/** For how long an announcement of this category is kept; nothing where that is for good. */
export function retentionOf(
  { announcementRetention: { defaultDays, categories } = KEPT }: Pick<AppSettings, "announcementRetention">,
  category: string | null | undefined,
): { readonly retentionDays?: number } {
  const ofCategory = category != null && Object.hasOwn(categories, category) ? categories[category] : undefined;
  const retentionDays = ofCategory ?? defaultDays;
  return retentionDays === null ? {} : { retentionDays };
}

/** Whom one announcement may reach without naming them; a directory of before that setting does not say. */
export const maxAudienceUsersOf = ({ maxAudienceUsers }: AppSettings): number =>
  maxAudienceUsers ?? DEFAULT_MAX_AUDIENCE_USERS;
