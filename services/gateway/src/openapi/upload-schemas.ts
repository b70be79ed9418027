import { AnnouncementState } from "@strata/contracts";
import { z } from "zod";
import { AnnouncementStateView, Uri, Url } from "./announcement-schemas.ts";
import { examples } from "./examples.ts";

const Count = z.number().int().nonnegative();

/** Each line of the body of `PUT …/recipients`. */
export const UploadLine = z
  .union([z.string(), z.object({ user_id: z.string() })])
  .meta({ id: "RecipientLine", description: "Identity URI or user id", example: { user_id: "user-1" } });

export const UploadView = z
  .strictObject({
    id: Uri,
    url: Url,
    state: AnnouncementState,
    lines: Count.meta({ description: "Lines of this request that named a recipient" }),
  })
  .meta({ id: "RecipientUpload", example: examples.upload });

export const StartedUploadView = AnnouncementStateView.extend({
  recipients: Count.meta({ description: "Distinct users uploaded, whether or not they exist" }),
}).meta({ id: "StartedUpload", example: examples.startedUpload });
