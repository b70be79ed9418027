import { z } from "zod";
import { SettingsBody, WireSettings } from "../domain/app-settings.ts";
import { layerPatch } from "./patch-schemas.ts";

export const AppPatchBody = layerPatch([{ operation: "set", property: "session_ttl_in_seconds", value: 86_400 }]);

export const AppSummary = z
  .strictObject({ id: z.string(), session_ttl_in_seconds: WireSettings.shape.session_ttl_in_seconds })
  .meta({
    id: "AppSummary",
    example: { id: "layer:///apps/production/3a1d6a5c-7d3d-4a44-9c0e-6a2a4d9a1c11", session_ttl_in_seconds: 86_400 },
  });

export const SettingsView = WireSettings.meta({
  id: "AppSettings",
  example: {
    session_ttl_in_seconds: 2_592_000,
    max_participants: 250,
    max_conversation_metadata_bytes: 2_048,
    max_announcement_recipients: 100_000,
    max_audience_users: 10_000_000,
    max_parts_per_message: 1_000,
    announcement_retention: { default_days: 365, categories: { offers: 30 } },
    shows_phone_numbers: false,
    shows_email_addresses: false,
    shows_metadata: false,
    badge_counting: "messages",
    badge_with_announcements: true,
    allowed_origins: ["https://chat.example.com"],
  },
});

export const SettingsRequest = SettingsBody.meta({
  id: "AppSettingsRequest",
  example: { max_participants: 100, shows_metadata: true },
});
