// announcement-fanout with a planted fault: batches count as written before they are. Killed in between, they are gone. It
// exists to show that the kill test would notice a build that acknowledges before it writes.
import { insertLate } from "./late-inserts.ts";

/** Long enough that whatever a kill finds under way, something counts as written that is not; shorter than what the test waits for all to be at rest. */
const EARLY_MS = 1_500;

insertLate("batches", EARLY_MS);
await import(new URL("../../../services/announcement-fanout/src/main.ts", import.meta.url).href);
