import type { NewPart, Part, PartRef, PartsChange } from "@strata/contracts";
import { DomainError } from "@strata/runtime";
import { madeUuid } from "./made-uuid.ts";

/**
 * The id of the nth part that a command makes without one. It follows from the command, so that the command makes the
 * same part again when it is delivered again.
 */
export const madePartId = (command: string, index: number): string => madeUuid(`${command}/${index}`);

const partOf = (part: NewPart, partId: string, updatedAt: number | null): Part => ({ ...part, partId, updatedAt });

/** Parts under the ids that they bring, or under made ones. */
export const withPartIds = (parts: readonly NewPart[], command: string, updatedAt: number | null): Part[] =>
  parts.map((part, index) => partOf(part, part.partId ?? madePartId(command, index), updatedAt));

/** Ids of the contents that parts refer to, none twice. */
export const contentIdsOf = (parts: readonly Pick<NewPart, "content">[]): string[] => [
  ...new Set(parts.flatMap(({ content }) => content?.contentId ?? [])),
];

/** Whether two parts bring the same id: one of them could not be named. */
function repeatsPartId(parts: readonly { readonly partId: string | null }[]): boolean {
  const ids = parts.flatMap(({ partId }) => partId ?? []);
  return new Set(ids).size < ids.length;
}

/** The parts that a change brings along. */
export const newPartsOf = (change: PartsChange): readonly NewPart[] => {
  if (change.kind === "replace-all") return change.parts;
  return change.kind === "remove" ? [] : [change.part];
};

export interface ChangedParts {
  readonly parts: Part[];
  /** Ids of those that are new or other than before. */
  readonly changed: string[];
  readonly removed: string[];
}

interface ChangeOptions {
  readonly command: string;
  readonly at: number;
  readonly maxParts: number;
}

/**
 * The parts after a change. Throws `not_found` for a part that is not there, `invalid_operation` when none would be
 * left, `invalid_property` for `parts` beyond the limit and for an id that is taken.
 */
export function changeParts(parts: readonly Part[], change: PartsChange, options: ChangeOptions): ChangedParts {
  const result = applied(parts, change, options);
  if (result.parts.length === 0) throw new DomainError("invalid_operation", {}, { message: "the last part must stay" });
  if (result.parts.length > options.maxParts && result.parts.length > parts.length) {
    throw new DomainError("invalid_property", { property: "parts" }, { message: "too many parts" });
  }
  if (repeatsPartId(result.parts)) {
    throw new DomainError("invalid_property", { property: "parts.id" }, { message: "the id of a part is taken" });
  }
  return result;
}

function applied(parts: readonly Part[], change: PartsChange, { command, at }: ChangeOptions): ChangedParts {
  switch (change.kind) {
    case "append": {
      const added = withPartIds([change.part], command, at);
      return { parts: [...parts, ...added], changed: idsOf(added), removed: [] };
    }
    case "replace": {
      const index = indexOf(parts, change.ref);
      const next = parts.map((part, place) => (place === index ? partOf(change.part, part.partId, at) : part));
      return { parts: next, changed: idsOf(next.slice(index, index + 1)), removed: [] };
    }
    case "replace-all": {
      const next = withPartIds(change.parts, command, at);
      const kept = new Set(idsOf(next));
      return { parts: next, changed: idsOf(next), removed: idsOf(parts).filter((partId) => !kept.has(partId)) };
    }
    case "remove": {
      const index = indexOf(parts, change.ref);
      return {
        parts: parts.filter((_, place) => place !== index),
        changed: [],
        removed: idsOf(parts.slice(index, index + 1)),
      };
    }
    default:
      return change satisfies never;
  }
}

const idsOf = (parts: readonly Part[]): string[] => parts.map(({ partId }) => partId);

function indexOf(parts: readonly Part[], ref: PartRef): number {
  const index = "index" in ref ? ref.index : parts.findIndex(({ partId }) => partId === ref.partId);
  if (index < 0 || index >= parts.length) throw new DomainError("not_found", { object: "part" });
  return index;
}
