import { z } from "zod";
import { catalogue } from "./catalogue.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** The wire shapes of one contract, for consumers in any language. */
export interface ContractSchemas {
  readonly payload: JsonSchema;
  /** Commands and queries only. */
  readonly reply?: JsonSchema;
}

/** JSON Schema (draft 2020-12) of every contract by its type, from the very schemas that validate. */
export function jsonSchemas(): Readonly<Record<string, ContractSchemas>> {
  const schemas: Record<string, ContractSchemas> = {};
  for (const contract of catalogue) {
    const payload = toJsonSchema(contract.payload);
    schemas[contract.type] = contract.kind === "event" ? { payload } : { payload, reply: toJsonSchema(contract.reply) };
  }
  return schemas;
}

/** Unknown fields stay allowed: within a version a producer may add some, and consumers ignore them. */
const toJsonSchema = (schema: z.ZodType): JsonSchema => z.toJSONSchema(schema, { io: "input" });
