import type { Publisher } from "@strata/messaging";
import { type Closing, type Dependency, type Logger, repeat } from "@strata/runtime";
import type { Config } from "../config.ts";
import type { ContentStore } from "../store/content-store.ts";
import { openContentListener } from "./content-listener.ts";
import type { ContentStorage } from "./content-storage.ts";
import { heldBytes } from "./held-bytes.ts";
import { sweepContents } from "./sweep-contents.ts";
import { uploadsInto } from "./uploads.ts";

interface Deps {
  readonly config: Pick<
    Config,
    "LISTEN_HOST" | "CONTENT_PORT" | "CONTENT_KEY" | "CONTENT_SWEEP_INTERVAL_MS" | "CONTENT_MAX_HELD_BYTES"
  >;
  readonly log: Logger;
  readonly closing: Closing;
  readonly contents: ContentStore;
  readonly storage: ContentStorage;
  readonly publisher: Publisher;
  readonly mongo: Dependency;
}

/** What of content runs beside the queues: the listener for its bytes, and the sweep. Answers where it listens. */
export async function startContents(deps: Deps): Promise<number> {
  const { config, log, closing, contents, storage, mongo } = deps;
  const uploads = uploadsInto(deps);
  const work = log.child({ work: "contents" });
  closing.add(
    repeat(config.CONTENT_SWEEP_INTERVAL_MS, () => sweepContents({ contents, uploads }), work),
    "sweep",
  );
  const listener = closing.add(
    await openContentListener({
      port: config.CONTENT_PORT,
      host: config.LISTEN_HOST,
      key: config.CONTENT_KEY,
      contents,
      uploads,
      storage,
      held: heldBytes(config.CONTENT_MAX_HELD_BYTES),
      isDown: (error) => mongo.isDown(error) || storage.isDown(error),
      log: work,
    }),
    "content listener",
  );
  log.info("content listening", { port: listener.port });
  return listener.port;
}
