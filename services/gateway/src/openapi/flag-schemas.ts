import { FlagState } from "@strata/contracts";
import { z } from "zod";
import { WireClientFlag, WireFlag } from "../domain/flags.ts";
import { exampleIds } from "./examples.ts";
import { UserPath } from "./parameters.ts";

const Time = z.iso.datetime();
const AT = "2020-01-02T03:04:05.678Z";
const FLAG_ID = "b1b7c2de-6f0e-4a6b-8a57-2f6c0a9d3e41";
const message = `layer:///messages/${exampleIds.message}`;

export const exampleFlag = {
  id: `layer:///flags/${FLAG_ID}`,
  url: `https://api.example.com/apps/${exampleIds.app}/users/user-2/flags/${FLAG_ID}`,
  user: "layer:///identities/user-2",
  by: "layer:///identities/user-1",
  message,
  conversation: `layer:///conversations/${exampleIds.conversation}`,
  reason: "harassment",
  comment: "insults me",
  state: "open" as const,
  created_at: AT,
  changed_at: AT,
};

export const FlagView = z
  .strictObject({
    id: z.string(),
    url: z.string(),
    user: z.string().meta({ description: "Who is flagged; of a message, its sender" }),
    by: z.string().meta({ description: "The flagger" }),
    message: z.string().nullable().meta({ description: "null: the user herself is flagged" }),
    conversation: z.string().nullable(),
    reason: z.string(),
    comment: z.string().nullable(),
    state: FlagState.meta({
      description: "`upheld`: a person found it right, and it goes on counting; `dismissed`: it counts no more",
    }),
    created_at: Time,
    changed_at: Time,
  })
  .meta({ id: "Flag", example: exampleFlag });

export const FlagBody = WireFlag.meta({
  id: "FlagRequest",
  example: { by: "layer:///identities/user-1", reason: "harassment", message, comment: "insults me" },
});

export const ClientFlagBody = WireClientFlag.meta({
  id: "ClientFlagRequest",
  example: { message, reason: "harassment" },
});

const Flag = z.string().meta({ description: "UUID or URI of a flag", example: FLAG_ID });
export const FlagPath = UserPath.extend({ flag: Flag });
export const ClientFlagPath = z.object({ flag: Flag });
