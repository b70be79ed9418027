import { type ReplyOf, StoreUploaded, UPLOADED_PER_COMMAND } from "@strata/contracts";
import { type Calls, layerErrorOf } from "@strata/doors";
import {
  invalidProperty,
  isJsonObject,
  LayerError,
  type LayerVersion,
  parseUserReference,
  serviceUnavailable,
} from "@strata/layer-protocol";
import type { BodyAllowance } from "../http/body-budget.ts";
import { RequestAborted } from "../http/read-json.ts";
import type { Line } from "../http/read-lines.ts";

export interface Uploading {
  readonly announcementId: string;
  readonly version: LayerVersion;
  readonly lines: AsyncIterable<Line>;
  /** What is held of them counts among all bodies held at once. */
  readonly allowance: BodyAllowance;
  /** Of each command. */
  readonly deadlineMs: number;
  readonly maxLines: number;
  /** The error for an upload that takes no more. */
  readonly refusal: (outcome: ReplyOf<typeof StoreUploaded>["outcome"]) => LayerError;
}

/** Commands under way at once: one is stored while the next is read. Bounds what is held of an upload to 4 MB. */
const WINDOW = 4;
/** Of the user ids of one command, as JSON. */
const MAX_COMMAND_BYTES = 900_000;
const RETRY_AFTER_SECONDS = 2;

/**
 * Stores recipients as their lines come, and answers how many lines there were. All of them are stored when this
 * answers; where it throws, the error says up to which line they are (`stored_lines`), and what is behind that may be.
 * @throws LayerError 422 naming the line that is wrong, with all before it stored; 503; what `refusal` makes
 */
export async function uploadRecipients(calls: Calls, uploading: Uploading): Promise<number> {
  const { lines, maxLines, version } = uploading;
  const store = recipientStoring(calls, uploading);
  let count = 0;
  try {
    try {
      for await (const line of lines) {
        if (count === maxLines)
          throw invalidProperty(`line ${line.number}`, `is one too many: at most ${maxLines} are taken`);
        await store.take(userIn(version, line), line.number);
        count += 1;
      }
    } catch (error) {
      if (isBadLine(error)) await store.finish();
      throw error;
    }
    await store.finish();
  } catch (error) {
    if (error instanceof RequestAborted) throw error;
    throw sayingHowFar(layerErrorOf(error), store.storedThrough());
  }
  return count;
}

const isBadLine = (error: unknown): boolean => error instanceof LayerError && error.id === "invalid_property";

/** @throws LayerError 422 `line <n>` */
function userIn(version: LayerVersion, { number, value }: Line): string {
  const reference = isJsonObject(value) ? value["user_id"] : value;
  if (typeof reference !== "string") {
    throw invalidProperty(`line ${number}`, 'must be a user id as a JSON string, or an object with "user_id"');
  }
  const userId = parseUserReference(version, reference);
  if (userId === null) throw invalidProperty(`line ${number}`, "names no user");
  return userId;
}

interface RecipientStoring {
  take(userId: string, line: number): Promise<void>;
  finish(): Promise<void>;
  /** The line up to which everything is stored. */
  storedThrough(): number;
}

interface Command {
  readonly stored: Promise<ReplyOf<typeof StoreUploaded>>;
  readonly through: number;
  readonly bytes: number;
}

function recipientStoring(calls: Calls, uploading: Uploading): RecipientStoring {
  const { announcementId, allowance, deadlineMs, refusal } = uploading;
  const underWay: Command[] = [];
  let userIds: string[] = [];
  let bytes = 0;
  let lastLine = 0;
  let storedThrough = 0;

  const settleOldest = async (): Promise<void> => {
    const [oldest] = underWay;
    if (!oldest) return;
    const { outcome } = await oldest.stored;
    if (outcome !== "open") throw refusal(outcome);
    underWay.shift();
    storedThrough = oldest.through;
    allowance.giveBack(oldest.bytes);
  };
  const flush = async (): Promise<void> => {
    if (userIds.length === 0) return;
    if (!allowance.take(bytes)) throw serviceUnavailable(RETRY_AFTER_SECONDS);
    const stored = calls.within(deadlineMs).request(StoreUploaded, { announcementId, userIds });
    // Awaited in its turn; one that fails before that must not count as unhandled.
    stored.catch(() => undefined);
    underWay.push({ stored, through: lastLine, bytes });
    userIds = [];
    bytes = 0;
    if (underWay.length >= WINDOW) await settleOldest();
  };
  return {
    async take(userId, line) {
      userIds.push(userId);
      bytes += Buffer.byteLength(JSON.stringify(userId)) + 1;
      lastLine = line;
      if (userIds.length >= UPLOADED_PER_COMMAND || bytes >= MAX_COMMAND_BYTES) await flush();
    },
    async finish() {
      await flush();
      while (underWay.length > 0) await settleOldest();
    },
    storedThrough: () => storedThrough,
  };
}

function sayingHowFar(error: LayerError, storedLines: number): LayerError {
  const howFar = storedLines === 0 ? "no line is stored for certain" : `lines 1 to ${storedLines} are stored`;
  const data = isJsonObject(error.data) ? error.data : {};
  return new LayerError(error.id, `${error.message}; ${howFar}`, {
    data: { ...data, stored_lines: storedLines },
    headers: error.headers,
    cause: error.cause ?? error,
  });
}
