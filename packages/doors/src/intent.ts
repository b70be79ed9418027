import { createHash, randomUUIDv7 } from "node:crypto";
import { idInUse, invalidOperation, type LayerError } from "@strata/layer-protocol";

/** What a POST means to create, as far as the caller said it (DESIGN.md section 6). */
export interface Intent {
  /** The id of what is created: the caller's own, one that follows from her Idempotency-Key, or a new one. */
  readonly id: string;
  /** The id was made at random just now: nothing can have it. */
  readonly isIdNew: boolean;
  /**
   * The id of a command of this intent. With an Idempotency-Key it follows from key and body, so that a repeat finds
   * its own row and is answered like the first time; without, every command is a new one, and no body is digested.
   */
  commandId(digest: string | (() => string), step?: string): string | undefined;
  /** The id is taken, and not by this intent. */
  inUse(existing: unknown): LayerError;
}

export function intentOf(options: {
  /** What is created where: equal keys of two apps, or for two kinds of objects, have nothing to do with each other. */
  readonly scope: string;
  readonly chosenId: string | null;
  readonly idempotencyKey: string | null;
}): Intent {
  const { scope, chosenId, idempotencyKey } = options;
  if (idempotencyKey === null) {
    return { id: chosenId ?? randomUUIDv7(), isIdNew: chosenId === null, commandId: () => undefined, inUse: idInUse };
  }
  const id = chosenId ?? derivedUuid("id", scope, idempotencyKey);
  return {
    id,
    isIdNew: false,
    commandId: (digest, step = "") =>
      derivedUuid("command", scope, idempotencyKey, id, typeof digest === "string" ? digest : digest(), step),
    // An id that the caller chose may be taken by anything; one that follows from her key only by another body.
    inUse: (existing) =>
      chosenId === null ? invalidOperation("This Idempotency-Key was used with another body") : idInUse(existing),
  };
}

/** A UUID of version 8 (RFC 9562: custom) that only depends on these texts. */
export function derivedUuid(...texts: readonly string[]): string {
  const bytes = createHash("sha256").update(JSON.stringify(texts)).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
