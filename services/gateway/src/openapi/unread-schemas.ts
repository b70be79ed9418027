import { z } from "zod";

const Count = z.int().min(0);
const example = { announcements: 3, messages: 9, external: 4, total: 16, version: 1_767_322_800_000_000 };

export const UnreadView = z
  .strictObject({
    announcements: Count,
    messages: Count,
    external: Count.meta({ description: "What the app itself counts: see the badge" }),
    total: Count,
    version: z.int(),
  })
  .meta({ id: "Unread", example });

export const ReconciledView = z
  .strictObject({ before: z.strictObject({ announcements: Count }).nullable(), after: UnreadView })
  .meta({ id: "ReconciledUnread", example: { before: { announcements: 4 }, after: example } });
