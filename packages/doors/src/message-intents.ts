import { chosenObjectId, type JsonObject } from "@strata/layer-protocol";
import { derivedUuid, type Intent, intentOf } from "./intent.ts";

/** What each message of one request means to create. */
export interface MessageIntents {
  /** The id of the n-th message: its own word, or what follows from the request's headers; else a new one. */
  idOf(fields: JsonObject, index: number): string;
  /** The intent of the first message, which stands for the request as a whole. */
  readonly first: Intent;
}

/**
 * De-duplication of one or several messages: the headers name the first one, and the ids of those behind it follow from
 * them too, so that a batch that is repeated says nothing twice.
 */
export function messageIntents(options: {
  readonly scope: string;
  readonly ifNoneMatch: string | null;
  readonly idempotencyKey: string | null;
}): MessageIntents {
  const { scope, ifNoneMatch, idempotencyKey } = options;
  let first: Intent | undefined;
  return {
    idOf(fields, index) {
      if (index === 0) {
        first = intentOf({ scope, chosenId: chosenObjectId("messages", ifNoneMatch, fields), idempotencyKey });
        return first.id;
      }
      const followed = ifNoneMatch === null ? null : derivedUuid("batch", ifNoneMatch, String(index));
      const chosenId = chosenObjectId("messages", null, fields) ?? followed;
      return intentOf({ scope: `${scope}/${index}`, chosenId, idempotencyKey }).id;
    },
    get first() {
      if (first === undefined) throw new Error("unreachable: a request without messages is refused");
      return first;
    },
  };
}
