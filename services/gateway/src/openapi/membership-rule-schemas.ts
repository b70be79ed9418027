import { z } from "zod";
import { Time, Uri, Url } from "./announcement-schemas.ts";
import { AudienceFilterBody } from "./audience-schemas.ts";
import { Metadata, WarningBody } from "./conversation-schemas.ts";
import { exampleIds } from "./examples.ts";

const API = `https://api.example.com/apps/${exampleIds.app}`;
const RULE = `layer:///membership_rules/${exampleIds.rule}`;
const AT = "2020-01-02T03:04:05.678Z";

const Name = z.string().min(1).max(128);
const Histories = z.enum(["all", "from_joining"]);
const MOST_SECONDS = 400 * 86_400;
const exampleJoin = {
  filter: { field: "metadata.city", eq: "Bonn" },
  capacity: 100,
  metadata: { title: "Neighbours in Bonn" },
  visible_history: "all" as const,
};

/** The body of `PUT …/membership_rules/:rule`. */
export const MembershipRuleBody = z
  .object({
    name: Name,
    is_active: z
      .boolean()
      .nullish()
      .meta({ description: "Whether it is applied by itself; true where nothing is said" }),
    join: z
      .object({
        filter: AudienceFilterBody,
        capacity: z
          .int()
          .min(1)
          .optional()
          .meta({ description: "Participants of one conversation; as many as the app allows where nothing is said" }),
        metadata: Metadata.nullish().meta({ description: "Of each conversation that the rule makes" }),
        visible_history: Histories.optional(),
      })
      .nullish()
      .meta({ description: "Who signs up and matches joins a conversation, and a new one once that is full" }),
    leave: z
      .object({
        inactive_seconds: z.number().min(1).max(MOST_SECONDS).meta({ description: "Not seen for so long" }),
        filter: AudienceFilterBody.nullish(),
        join_rule: Uri.nullish().meta({ description: "Out of where this rule put her; absent: out of all" }),
        warning: WarningBody.nullish().meta({
          description: "An announcement to her, so long before. Who was not warned that long ago stays",
        }),
        every_seconds: z
          .number()
          .min(60)
          .max(MOST_SECONDS)
          .optional()
          .meta({ description: "How often it is looked for them; once a day where nothing is said" }),
      })
      .nullish()
      .meta({ description: "Who is not seen for long leaves. Either this or `join`" }),
  })
  .meta({ id: "MembershipRuleRequest", example: { name: "Neighbours", join: exampleJoin } });

export const MembershipRuleView = z
  .strictObject({
    id: Uri,
    url: Url,
    name: Name,
    is_active: z.boolean(),
    join: z
      .strictObject({
        filter: AudienceFilterBody,
        capacity: z.int(),
        metadata: Metadata,
        visible_history: Histories,
        conversation: z
          .strictObject({ id: Uri })
          .nullable()
          .meta({ description: "Which is being filled; null before the first" }),
      })
      .optional(),
    leave: z
      .strictObject({
        filter: AudienceFilterBody.nullable(),
        inactive_seconds: z.number(),
        join_rule: Uri.nullable(),
        warning: z.strictObject({ before_seconds: z.number() }).nullable(),
        every_seconds: z.number(),
      })
      .optional(),
    next_run_at: Time.nullable().optional(),
    created_at: Time,
    updated_at: Time,
  })
  .meta({
    id: "MembershipRule",
    example: {
      id: RULE,
      url: `${API}/membership_rules/${exampleIds.rule}`,
      name: "Neighbours",
      is_active: true,
      join: { ...exampleJoin, conversation: { id: `layer:///conversations/${exampleIds.conversation}` } },
      created_at: AT,
      updated_at: AT,
    },
  });

/** The body of `POST …/membership_rules/:rule/runs`. */
export const RuleRunBody = z
  .object({ dry_run: z.boolean().nullish().meta({ description: "Only says what it would do" }) })
  .meta({ id: "RuleRunRequest", example: { dry_run: true } });

const Count = z.int().min(0);

export const RuleRunView = z
  .strictObject({
    id: Uri,
    url: Url,
    dry_run: z.boolean(),
    state: z
      .enum(["running", "done", "stopped"])
      .meta({ description: "`stopped`: the rule was changed or deleted meanwhile" }),
    counts: z
      .strictObject({ joined: Count, warned: Count, left: Count, already: Count, refused: Count })
      .meta({ description: "`already`: put there before, wherever she is since. `refused`: banned, or the like" }),
    users: z
      .array(z.strictObject({ user_id: z.string(), outcome: z.string() }))
      .meta({ description: "The first hundred of them" }),
    started_at: Time,
    ended_at: Time.nullable(),
  })
  .meta({
    id: "RuleRun",
    example: {
      id: `layer:///rule_runs/${exampleIds.run}`,
      url: `${API}/membership_rules/${exampleIds.rule}/runs/${exampleIds.run}`,
      dry_run: true,
      state: "done",
      counts: { joined: 1, warned: 0, left: 0, already: 0, refused: 0 },
      users: [{ user_id: "layer:///identities/user-1", outcome: "joined" }],
      started_at: AT,
      ended_at: AT,
    },
  });
