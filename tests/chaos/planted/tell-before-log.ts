// realtime with a planted fault: changes count as logged before they are, so sockets are told of what no replay finds yet, and
// killed in between it is never found. It exists to show that the kill test of sockets would notice such a build.
import { insertLate } from "./late-inserts.ts";

/** Longer than a client needs to come back. */
const EARLY_MS = 5_000;

insertLate("changes", EARLY_MS);
await import(new URL("../../../services/realtime/src/main.ts", import.meta.url).href);
