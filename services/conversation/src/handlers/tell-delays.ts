import { MessageDelayed, type PayloadOf, type ReplyOf, type SendMessage } from "@strata/contracts";
import type { GroupHandler, Publisher } from "@strata/messaging";
import type { Logger } from "@strata/runtime";

interface Deps {
  readonly publisher: Pick<Publisher, "emit">;
  readonly log: Logger;
  readonly now: () => number;
  /** How long a message may take until those who work in bulk are asked to give way. */
  readonly slowMs: number;
}

type Sends = GroupHandler<PayloadOf<typeof SendMessage>, ReplyOf<typeof SendMessage>>;

/** Who hears it gives way for seconds, so one of many says enough. */
const TELL_EVERY_MS = 250;

/**
 * The same handler; when messages took longer than they should, it is told. What came again has waited for other reasons than
 * a machine that is busy. Nobody waits for the telling, and nothing hangs on it.
 */
export function tellDelays({ publisher, log, now, slowMs }: Deps, sends: Sends): Sends {
  let quietUntil = 0;
  return async (deliveries) => {
    const outcomes = await sends(deliveries);
    const at = now();
    const [slow] = deliveries
      .filter(({ attempt, isRedelivered, sentAt }) => attempt === 0 && !isRedelivered && at - sentAt.getTime() > slowMs)
      .toSorted((one, other) => one.sentAt.getTime() - other.sentAt.getTime());
    if (slow === undefined || at < quietUntil) return outcomes;
    quietUntil = at + TELL_EVERY_MS;
    publisher
      .emit(MessageDelayed, slow.app, { waitedMs: at - slow.sentAt.getTime(), at }, { cause: slow })
      .catch((error: unknown) => log.warn("nobody was told that messages take long", { error }));
    return outcomes;
  };
}
