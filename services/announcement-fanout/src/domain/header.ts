import {
  type Announcement,
  type AnnouncementContent,
  AnnouncementContent as AnnouncementContentSchema,
  AnnouncementState,
  type AnnouncementTerms,
  Audience,
  type AudienceFilter,
  type PersonalTerms,
  Schedule,
  searchWordsOf,
  Variant,
} from "@strata/contracts";
import { z } from "zod";
import { earlierOf, retentionEndOf } from "./retention.ts";

/** How many chunks a partition of a long list has; said when it is started. */
const PartitionChunks = z.object({ partition: z.number().int(), count: z.number().int() });

/** An announcement as stored: what was said, to how many, when and how. Progress is in batches and partition rows. */
export const Header = AnnouncementContentSchema.extend({
  _id: z.string(),
  app: z.string(),
  state: AnnouncementState,
  /** When it was accepted. */
  at: z.number(),
  recipientCount: z.number().int(),
  /** Whom it is for, with every time in it settled. */
  audience: Audience.default({ kind: "recipients" }),
  includeNewUsersUntil: z.number().nullable().default(null),
  /** Those it is for are uploaded while it is `accepting`, and are rows of their own. */
  isUploaded: z.boolean().default(false),
  /** Short lists only: whom the backend named, and who of them did not exist at that moment. */
  recipients: z.array(z.string()).nullable(),
  unknown: z.array(z.string()).nullable(),
  digest: z.string(),
  /** The command that made it: a redelivery of that command finds its own row. */
  by: z.string(),
  startedBy: z.string().nullable(),
  chunks: z.array(PartitionChunks).nullable(),
  /** Rises with each change of state; events carry it. */
  version: z.number().int().default(1),
  /** When the state became what it is. */
  stateAt: z.number().nullable().default(null),
  /** The latest changes of state and the commands that asked for them: a redelivery finds its own. */
  changes: z.array(z.object({ version: z.number().int(), at: z.number(), by: z.string() })).default([]),
  schedule: Schedule.nullable().default(null),
  /** When the fan-out starts; null: at once. */
  startsAt: z.number().nullable().default(null),
  expiresAt: z.number().nullable().default(null),
  throttlePerMinute: z.number().int().nullable().default(null),
  isSilent: z.boolean().default(false),
  priority: z.enum(["normal", "urgent"]).default("normal"),
  category: z.string().nullable().default(null),
  /** As set for its app and category when it was accepted; null: for good. */
  retentionDays: z.number().int().nullable().default(null),
  isPersonal: z.boolean().default(false),
  defaults: z.record(z.string(), z.string()).default({}),
  variants: z.array(Variant).default([]),
  /** By which words it is found; headers older than the search have none. */
  tokens: z.array(z.string()).default([]),
  /** Corrections, oldest first, and the commands that made them; the original is not in it. */
  corrections: z.array(z.object({ revision: z.number().int(), at: z.number(), by: z.string() })).default([]),
  /** From when the inboxes leave it out, until its batches are out of them; null: never. */
  hidesFrom: z.number().nullable().default(null),
  /** By local time: at which moments there is somebody for whom it is that time; ascending. Empty: not yet known. */
  moments: z.array(z.number()).default([]),
  /** Throttled: not before is the next batch written. */
  nextBatchAt: z.number().nullable().default(null),
  /** When something timed is to be done about it next, and who does it. */
  dueAt: z.number().nullable().default(null),
  holder: z.string().nullable().default(null),
});
export type Header = z.infer<typeof Header>;

/** A header with everything that is not said left at its default. */
export function headerOf(fields: z.input<typeof Header>): Header {
  const header = Header.parse(fields);
  return { ...header, ...retained(header), tokens: tokensOf(header) };
}

/** Its retention is one more end of its time. */
function retained(header: Header): Partial<Pick<Header, "expiresAt" | "hidesFrom" | "dueAt">> {
  const end = retentionEndOf(header);
  if (end === null) return {};
  const expiresAt = earlierOf(header.expiresAt, end);
  const isAttendedTo = header.state === "distributed";
  return { expiresAt, hidesFrom: earlierOf(header.hidesFrom, end), ...(isAttendedTo ? { dueAt: expiresAt } : {}) };
}

/** Found by what it says in any language; a template by its own words, without those that a recipient sees in it. */
export const tokensOf = ({ parts, variants }: Pick<Header, "parts" | "variants">): string[] =>
  searchWordsOf([...parts, ...variants.flatMap((variant) => variant.parts)]);

/** The terms of an announcement as its header keeps them. */
export const headerTerms = (terms: AnnouncementTerms) => ({
  schedule: terms.schedule ?? null,
  expiresAt: terms.expiresAt ?? null,
  throttlePerMinute: terms.throttlePerMinute ?? null,
  isSilent: terms.isSilent ?? false,
  priority: terms.priority ?? ("normal" as const),
  category: terms.category ?? null,
  retentionDays: terms.retentionDays ?? null,
  includeNewUsersUntil: terms.includeNewUsersUntil ?? null,
  isPersonal: terms.isPersonal ?? false,
  defaults: terms.defaults ?? {},
  variants: terms.variants ?? [],
});

export const announcementIdOf = ({ _id }: Pick<Header, "_id">): string => _id.split("/")[1] ?? "";

/** When its recipients get it: what its batches have as `at`, unless each slice or batch has its own. */
export const sentAtOf = ({ at, startsAt }: Pick<Header, "at" | "startsAt">): number => startsAt ?? at;

/** Whether all recipients get it at the same moment. */
export const isAtOneMoment = ({ throttlePerMinute, schedule }: Pick<Header, "throttlePerMinute" | "schedule">) =>
  throttlePerMinute === null && (schedule === null || "at" in schedule);

/** The time on each recipient's own clock when she gets it; null: it does not depend on it. */
export const localScheduleOf = ({ schedule }: Pick<Header, "schedule">) =>
  schedule !== null && "localTime" in schedule ? schedule : null;

/** For everyone, at one moment: a few documents are in all inboxes at once, and who is in them is written down behind. */
export const isForEveryoneAtOnce = (header: Pick<Header, "audience" | "throttlePerMinute" | "schedule">): boolean =>
  header.audience.kind === "everyone" && isAtOneMoment(header);

/** Who became known after this has no part in it. */
export const cutoffOf = ({ at, includeNewUsersUntil }: Pick<Header, "at" | "includeNewUsersUntil">): number =>
  Math.max(at, includeNewUsersUntil ?? at);

/** Whether who becomes known now is to have it, too. */
export const isOpenToNewcomers = ({ includeNewUsersUntil }: Pick<Header, "includeNewUsersUntil">): boolean =>
  includeNewUsersUntil !== null && includeNewUsersUntil > Date.now();

/** The filter that its recipients match; null: everyone does. */
export const filterOf = ({ audience }: Pick<Header, "audience">): AudienceFilter | null =>
  audience.kind === "filter" ? audience.filter : null;

/** What ended before everybody had it, or was taken away again: nothing more of it is written. */
const STOPPED: ReadonlySet<AnnouncementState> = new Set(["canceled", "recalled", "expired"]);
export const isStopped = ({ state }: Pick<Header, "state">): boolean => STOPPED.has(state);

/** It is to be in no inbox any more. */
export const isTakenBack = ({ state }: Pick<Header, "state">): boolean => state === "recalled" || state === "expired";

/** The contract's view of a header. */
export function announcementFrom(header: Header): Announcement {
  const { state, at, recipientCount, recipients, audience, startsAt, corrections } = header;
  return {
    announcementId: announcementIdOf(header),
    state,
    at,
    recipientCount,
    recipients,
    ...(audience.kind === "recipients" ? {} : { audience }),
    ...(header.isUploaded ? { isUploaded: true } : {}),
    ...contentFrom(header),
    ...headerTerms(header),
    startsAt,
    revision: revisionOf(header),
    revisions: [{ revision: 1, at }, ...corrections.map(({ revision, at: since }) => ({ revision, at: since }))],
  };
}

const revisionOf = ({ corrections }: Pick<Header, "corrections">): number => corrections.at(-1)?.revision ?? 1;

export const contentFrom = ({ sender, parts, notification }: Header): AnnouncementContent => ({
  sender,
  parts,
  notification,
});

export const personalTerms = ({ isPersonal, defaults, variants }: Pick<Header, keyof PersonalTerms>) => ({
  isPersonal,
  defaults,
  variants,
});
