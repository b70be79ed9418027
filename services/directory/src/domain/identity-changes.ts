import type { IdentityChange, IdentityFields } from "@strata/contracts";
import { DomainError } from "@strata/runtime";

/** Server API 4.2. */
const MAX_METADATA_KEYS = 16;

/** On the way a name may be missing that a later change gives again. */
type Draft = Omit<IdentityFields, "displayName"> & { readonly displayName: string | null };

/** The fields after all changes, in order; or why none of them may happen. */
export function fieldsAfter(fields: IdentityFields, changes: readonly IdentityChange[]): IdentityFields | DomainError {
  const { displayName, ...others } = changes.reduce<Draft>(applied, fields);
  if (displayName === null) return new DomainError("invalid_property", { property: "display_name" });
  if (Object.keys(others.metadata).length > MAX_METADATA_KEYS) {
    return new DomainError("invalid_property", { property: "metadata" });
  }
  return { displayName, ...others };
}

function applied(draft: Draft, change: IdentityChange): Draft {
  switch (change.kind) {
    case "set-text":
      return { ...draft, [change.field]: change.value };
    case "set-type":
      return { ...draft, identityType: change.value };
    case "set-metadata":
      return { ...draft, metadata: { ...draft.metadata, [change.key]: change.value } };
    case "delete-metadata": {
      const { [change.key]: _, ...rest } = draft.metadata;
      return { ...draft, metadata: rest };
    }
    case "replace-metadata":
      return { ...draft, metadata: change.metadata };
    default:
      return change satisfies never;
  }
}
