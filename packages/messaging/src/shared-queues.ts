import type { Logger } from "@strata/runtime";
import type { QueueConsumer } from "./queue-consumer.ts";
import { type LiveReplicas, ownerOf } from "./replicas.ts";

/** One or several queues that are consumed as one. */
export interface ConsumedQueues {
  readonly name: string;
  readonly isLive: () => boolean;
  /** True while this process has deliveries of them in hand that a process may have died of. */
  readonly hasSuspects: () => boolean;
  /** Resolves when the consumers of the start are up. */
  readonly started: (deadlineAt: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * Consumes those queues of an ordered lane that are ours among the live replicas, and follows when replicas come and go.
 * A queue is let go of with its order kept; who gets it waits as its next single active consumer until then.
 */
export function sharedQueues(options: {
  readonly lane: string;
  readonly queues: readonly string[];
  readonly replicas: LiveReplicas;
  readonly open: (queue: string) => QueueConsumer;
  readonly log: Logger;
}): ConsumedQueues {
  const { lane, queues, replicas, open, log } = options;
  const consumers = new Map<string, QueueConsumer>();
  const moving = new Map<string, Promise<void>>();
  let isClosing = false;

  const isOurs = (queue: string): boolean => !isClosing && ownerOf(queue, replicas.current()) === replicas.self;

  /** Opens or closes until the queue is as it should be, which may change while a consumer drains. */
  const settle = async (queue: string): Promise<void> => {
    for (;;) {
      const consumer = consumers.get(queue);
      if (isOurs(queue) === (consumer !== undefined)) return;
      if (consumer) {
        await consumer.close();
        consumers.delete(queue);
      } else consumers.set(queue, open(queue));
    }
  };

  /** One change of a queue at a time: it is never consumed again by us before we have let go of it. */
  const settled = (queue: string): Promise<void> => {
    const running = moving.get(queue) ?? settle(queue).finally(() => moving.delete(queue));
    moving.set(queue, running);
    return running;
  };

  const follow = async (): Promise<void> => {
    await Promise.all(queues.map(settled));
  };

  const opening = follow();
  replicas.onChange(() => {
    if (isClosing) return;
    log.info("replicas changed", { lane, replicas: replicas.current().length, queues: queues.filter(isOurs).length });
    void follow();
  });
  return {
    name: lane,
    isLive: () => queues.filter(isOurs).every((queue) => consumers.get(queue)?.isLive),
    hasSuspects: () => [...consumers.values()].some((consumer) => consumer.hasSuspects),
    async started(deadlineAt) {
      await opening;
      await Promise.all([...consumers.values()].map((consumer) => consumer.started(deadlineAt)));
    },
    async close() {
      isClosing = true;
      await follow();
    },
  };
}
