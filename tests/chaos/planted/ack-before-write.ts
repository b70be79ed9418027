// announcement-fanout with a planted fault: batches count as written before they are. Killed in between, they are gone. It
// exists to show that the kill test would notice a build that acknowledges before it writes.
import { insertLate } from "./late-inserts.ts";

insertLate("batches");
await import(new URL("../../../services/announcement-fanout/src/main.ts", import.meta.url).href);
