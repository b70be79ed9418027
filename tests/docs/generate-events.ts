// Writes docs/events.md anew from the catalogue: node tests/docs/generate-events.ts
import { writeFileSync } from "node:fs";
import { format } from "oxfmt";
import { eventsPage } from "./events-page.ts";

const { code } = await format("events.md", eventsPage(), { printWidth: 120 });
writeFileSync(new URL("../../docs/events.md", import.meta.url), code);
