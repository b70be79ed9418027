import { OBJECT_PAGES } from "@strata/layer-protocol";
import { z } from "zod";
import { InboxEntry } from "./announcement-schemas.ts";
import { examples } from "./examples.ts";
import { UserMessageView } from "./message-schemas.ts";
import { pagingOf } from "./parameters.ts";

export const MAX_QUESTION_CHARACTERS = 200;

export const SearchQuery = pagingOf(
  OBJECT_PAGES,
  "URI or UUID of a hit, or what `Layer-Next` of the page before says",
).extend({
  q: z.string().min(1).max(MAX_QUESTION_CHARACTERS).meta({
    description: "Words that must all be there, in any order; the last one may be the beginning of one",
    example: "your ord",
  }),
});

export const LayerNext = z.object({
  "Layer-Next": z.string().optional().meta({
    description:
      "The `from_id` of the next page; absent: this was the last. A page may be short, or empty, and have one",
  }),
});

export const SearchHit = z
  .discriminatedUnion("type", [
    InboxEntry.extend({ type: z.literal("announcement") }).meta({ id: "AnnouncementHit" }),
    UserMessageView.extend({ type: z.literal("message") }).meta({ id: "MessageHit" }),
  ])
  .meta({ id: "SearchHit", example: { type: "message", ...examples.userMessage } });
