// push-delivery with a planted fault: chunks count as claimed before they are, so pushes leave that no row knows of. Killed in
// between, they are sent again; and what became of them meanwhile finds no row. It exists to show that the kill test would
// notice such a build.
import { insertLate } from "./late-inserts.ts";

insertLate("push_chunks");
await import(new URL("../../../services/push-delivery/src/main.ts", import.meta.url).href);
