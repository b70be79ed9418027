import { crc32 } from "node:zlib";
import { z } from "zod";

/** How many partitions an app's users fall into. Part of stored ids and shard keys, so it never changes. */
export const PARTITIONS = 64;

/**
 * The partition of a user: CRC-32 of the UTF-8 user id, modulo 64. Stored with everything that belongs to a user and
 * fixed for ever; a standard checksum, so that consumers in other languages come to the same number.
 */
export const partitionOf = (userId: string): number => crc32(userId) % PARTITIONS;

/** Two digits, so that partitions sort as numbers inside string ids. */
export const partitionKey = (partition: number): string => String(partition).padStart(2, "0");

/** An app's id: a UUID in lower case. */
export const AppId = z.uuid();
/**
 * A user id: 1 to 128 characters, chosen by the backend. Unpaired surrogates are refused: BSON would turn them all into
 * the same replacement character, and two users into one.
 */
export const UserId = z
  .string()
  .min(1)
  .max(128)
  .refine((userId) => userId.isWellFormed(), "has an unpaired surrogate");

export const AnnouncementId = z.uuid();
export const ConversationId = z.uuid();
export const MessageId = z.uuid();
export const NotificationId = z.uuid();
export const PartId = z.uuid();
export const ContentId = z.uuid();
export const Partition = z
  .number()
  .int()
  .min(0)
  .max(PARTITIONS - 1);
/** Where a message stands in its conversation: 1 for the first, and one more for each after it. */
export const Position = z.number().int().nonnegative();
/** Milliseconds since 1970, UTC. */
export const Millis = z.number().int().nonnegative();
export const isUserId = (value: string): boolean => value.length > 0 && value.length <= 128 && value.isWellFormed();

/**
 * Long lists of user ids, checked in one pass: with three checks an element, zod took more of a worker's time than all
 * of BSON.
 */
export const userIdList = (max: number): z.ZodType<string[]> =>
  z
    .array(z.string())
    .max(max)
    .refine((userIds) => userIds.every(isUserId), "holds something that is no user id");

/** User ids of one batch: at most 1,000, ascending in `compareUserIds`, none twice. */
export const BatchRecipients = userIdList(1_000);

export const MessagePart = z.object({
  mimeType: z.string().min(1),
  body: z.string(),
  /** null: `body` is text; base64: `body` is bytes that are not valid UTF-8. */
  encoding: z.literal("base64").nullable(),
});
export type MessagePart = z.infer<typeof MessagePart>;

/** Who an announcement is from: a bare name (1.x) or an identity (2.0+). */
export const Sender = z.union([z.object({ name: z.string() }), z.object({ userId: UserId })]);
export type Sender = z.infer<typeof Sender>;

/** Longer no provider keeps a push: four weeks. */
export const MAX_TTL_SECONDS = 28 * 86_400;

/** The push that goes with a message, in one form for every wire version; what is absent is not sent. */
export const NotificationContent = z.object({
  title: z.string().optional(),
  text: z.string().optional(),
  sound: z.string().optional(),
  category: z.string().optional(),
  titleLocKey: z.string().optional(),
  titleLocArgs: z.array(z.string()).optional(),
  locKey: z.string().optional(),
  locArgs: z.array(z.string()).optional(),
  actionLocKey: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
  apns: z.record(z.string(), z.unknown()).optional(),
  fcm: z.record(z.string(), z.unknown()).optional(),
  /** How long it is worth being shown, counted from when it was accepted; 0: now or never. */
  ttl: z.number().int().min(0).max(MAX_TTL_SECONDS).optional(),
  priority: z.enum(["high", "normal"]).optional(),
  /** Of two with the same one a phone shows the later; its announcement's, message's or own id where absent. */
  collapseId: z.string().optional(),
  mutableContent: z.boolean().optional(),
  contentAvailable: z.boolean().optional(),
  interruptionLevel: z.enum(["passive", "active", "time-sensitive", "critical"]).optional(),
  relevanceScore: z.number().optional(),
  threadId: z.string().optional(),
});
export type NotificationContent = z.infer<typeof NotificationContent>;

/** The notification with its per-recipient overrides; an override inherits what it leaves out. */
export const Notification = NotificationContent.extend({
  recipients: z.record(UserId, NotificationContent).optional(),
});
export type Notification = z.infer<typeof Notification>;

export const ReceiptKind = z.enum(["delivered", "read"]);
export type ReceiptKind = z.infer<typeof ReceiptKind>;

/**
 * What becomes of an announcement at one recipient. `opened`: she came by its push, so she has it; `deleted`: she wants to
 * see it no more. Kinds may be added: pass over one that you do not know.
 */
export const AnnouncementReceiptKind = z.enum(["delivered", "read", "opened", "deleted"]);
export type AnnouncementReceiptKind = z.infer<typeof AnnouncementReceiptKind>;

/** Metadata of a conversation: strings, and objects of such. */
export interface Metadata {
  [key: string]: string | Metadata;
}
export const Metadata: z.ZodType<Metadata> = z.lazy(() => z.record(z.string(), z.union([z.string(), Metadata])));
