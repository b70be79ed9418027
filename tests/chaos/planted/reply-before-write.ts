// conversation with a planted fault: messages count as written before they are. Killed in between, they are gone, though
// their senders were told that they are sent. It exists to show that the kill test would notice such a build.
import { insertLate } from "./late-inserts.ts";

insertLate("messages");
await import(new URL("../../../services/conversation/src/main.ts", import.meta.url).href);
