import { z } from "zod";
import { exampleIds } from "./examples.ts";

const Text = z.string();
const Facts = z.record(Text, z.unknown()).nullable();

export const AuditEntryView = z
  .strictObject({
    id: Text,
    at: z.iso.datetime().meta({ description: "When it was asked for" }),
    action: Text.meta({ description: "`<what>.<past tense>`; there may be more in time" }),
    app_id: z.uuid().nullable().meta({ description: "null: upon the account itself" }),
    subject: z.strictObject({ kind: Text, id: Text }),
    actor: z
      .strictObject({
        kind: z.enum(["token", "member"]),
        id: Text,
        token_id: Text,
        address: Text.meta({ description: "Of IPv6 the network, a /64" }),
        user_agent: Text.nullable(),
      })
      .nullable()
      .meta({ description: "null: it was due by itself, or from before it was kept who asks" }),
    before: Facts.meta({ description: "Of what was changed, as it was; null: there was nothing. Never a secret" }),
    after: Facts,
  })
  .meta({
    id: "AuditEntry",
    example: {
      id: "0197a1c2-3c92-71e4-baad-164230d1df67",
      at: "2020-01-02T03:04:05.678Z",
      action: "app.settings_changed",
      app_id: exampleIds.app,
      subject: { kind: "app", id: exampleIds.app },
      actor: {
        kind: "token",
        id: exampleIds.token,
        token_id: exampleIds.token,
        address: "198.51.100.7",
        user_agent: "curl/8.5.0",
      },
      before: { max_participants: 250 },
      after: { max_participants: 100 },
    },
  });
