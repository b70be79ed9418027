import { z } from "zod";

const Operation = z
  .object({
    operation: z.enum(["set", "delete", "add", "remove"]),
    property: z.string().meta({ description: "A path; a dot within a key is written `\\.`" }),
    value: z.json().optional(),
    id: z.string().optional().meta({ description: "Names a member of a set, in place of `value`" }),
  })
  .meta({ id: "PatchOperation" });

/** A Layer-Patch body; the example shows what this endpoint lets one touch. */
export const layerPatch = (example: readonly z.infer<typeof Operation>[]) =>
  z.array(Operation).meta({ description: "Applied in order, all of them or none", example });
