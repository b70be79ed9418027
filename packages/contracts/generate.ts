// Writes released.json, against which CI looks for breaking changes: node packages/contracts/generate.ts
import { writeFileSync } from "node:fs";
import { jsonSchemas } from "./src/json-schemas.ts";

writeFileSync(new URL("released.json", import.meta.url), `${JSON.stringify(jsonSchemas(), null, 2)}\n`);
