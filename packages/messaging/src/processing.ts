import { type Dependency, DomainError, type Logger } from "@strata/runtime";
import type { Consumer } from "./consumer.ts";
import { isUnroutable } from "./confirmed-publisher.ts";
import type { Delivery } from "./delivery.ts";
import { saysUnavailable, serviceUnavailable } from "./errors.ts";
import { isExpired, readMessage } from "./incoming.ts";
import type { MessagingMetrics } from "./metrics.ts";
import { ack, type Outcome, retry } from "./outcome.ts";
import { pause } from "./pause.ts";
import { PING } from "./ping.ts";
import type { Part } from "./packs.ts";
import type { Intake, Process } from "./queue-consumer.ts";
import { POISON_DEATHS, type QueueMode, SUSPECT_DEATHS, SUSPECT_ORDERED_DEATHS } from "./queue-mode.ts";
import type { ReplyBody } from "./requester.ts";
import { type Mover, replyFor } from "./settlement.ts";
import type { Subscription } from "./subscription.ts";
import type { InHand } from "./survivals.ts";

export interface ProcessingOptions {
  readonly row: Consumer;
  readonly mode: QueueMode;
  readonly queue: string;
  readonly service: string;
  readonly mover: Mover;
  readonly sendReply: (replyTo: string, correlationId: string, body: ReplyBody) => void;
  /** The row's dependencies, and the broker as publisher. */
  readonly dependencies: readonly Dependency[];
  /** Waits between tries of an ordered lane. */
  readonly inPlaceMs: readonly number[];
  readonly metrics: MessagingMetrics;
  readonly log: Logger;
}

interface Item {
  readonly held: InHand;
  readonly delivery: Delivery<unknown>;
}

const MOVE_AGAIN_MS = 500;
/** How often a failure is put down to a dependency that answers again by the time it is asked. */
const EXCUSES = 3;
const EXCUSE_DELAY_MS = 100;

/** What happens between taking deliveries and having settled each of them. */
export function processing(options: ProcessingOptions): Process {
  const { row, mode, queue, mover, metrics, log, dependencies } = options;
  const byType = new Map(row.handlers.map((subscription) => [subscription.contract.type, subscription]));

  const done = (held: InHand, outcome: string): void => {
    held.ack();
    metrics.deliveries.inc({ queue, outcome });
  };

  /**
   * Moves a message on, as often as it takes: while the broker is away the delivery stays where it is. Any other failure
   * is thrown, which gives up the channel; setting up the next one makes a queue that was deleted anew.
   */
  const moveThenAck = async (held: InHand, intake: Intake, outcome: string, move: () => Promise<void>) => {
    while (!held.isStale()) {
      try {
        await move();
        done(held, outcome);
        return;
      } catch (error) {
        if (isUnroutable(error) || !saysUnavailable(error, "broker")) throw error;
        log.warn("message could not be moved", { queue, outcome, error });
        if (intake.closing.aborted) return;
        await pause(MOVE_AGAIN_MS, intake.closing);
      }
    }
  };

  const giveUp = (held: InHand, intake: Intake, reason: string, cause?: unknown): Promise<void> => {
    const { messageId, type } = held.message.properties;
    log.error("message dead-lettered", { queue, reason, messageId, type, error: cause });
    return moveThenAck(held, intake, "dead-letter", () =>
      mover.toDeadLetter(held.message, row.queue, queue, reason, cause),
    );
  };

  const mustBeTriedAlone = ({ deaths }: InHand): boolean =>
    (mode === "work" && deaths >= SUSPECT_DEATHS) || (mode === "ordered" && deaths >= SUSPECT_ORDERED_DEATHS);

  /** Sorts out what must not reach a handler; null when it was dealt with. */
  const admit = async (held: Part, intake: Intake): Promise<Item | null> => {
    if (isExpired(held.message)) {
      done(held, "expired");
      return null;
    }
    if (mode === "alone" && held.deaths >= POISON_DEATHS) {
      await giveUp(held, intake, "killed_its_process");
      return null;
    }
    if (mustBeTriedAlone(held)) {
      log.warn("delivery moves to where suspects are tried alone", {
        queue,
        messageId: held.message.properties.messageId,
      });
      // Handled one by one, the first that is left is what they died of; of a work queue it may be any of those in hand.
      if (mode === "ordered") held.blame();
      await moveThenAck(held, intake, "alone", () => mover.toAlone(held.message, row.queue, queue));
      return null;
    }
    const incoming = readMessage(held);
    if (incoming.kind === "unreadable") {
      await reject(held, intake, incoming.reason, incoming.cause);
      return null;
    }
    if (mode === "query" && incoming.delivery.type === PING) {
      // Silence is the answer of a service whose own database is away: who asks it then had better wait too.
      const answers = await Promise.all(row.dependencies.map((dependency) => dependency.answers()));
      if (answers.every(Boolean)) answer(held, ack);
      held.ack();
      return null;
    }
    if (!byType.has(incoming.delivery.type)) {
      await reject(held, intake, "unknown_type");
      return null;
    }
    metrics.queuedSeconds.observe({ queue }, Math.max(0, Date.now() - incoming.delivery.sentAt.getTime()) / 1000);
    return { held, delivery: incoming.delivery };
  };

  /** Never handled: kept for a person, except queries and own copies, which nobody would look for. */
  const reject = async (held: InHand, intake: Intake, reason: string, cause?: unknown): Promise<void> => {
    if (mode !== "query" && mode !== "instance") return giveUp(held, intake, reason, cause);
    log.error("message refused", { queue, reason, error: cause });
    answer(held, { kind: "dead-letter", reason });
    done(held, "refused");
  };

  const answer = (held: InHand, outcome: Outcome): void => {
    const { replyTo, correlationId } = held.message.properties;
    const body = replyTo ? replyFor(outcome) : null;
    if (body) options.sendReply(String(replyTo), String(correlationId), body);
  };

  const blamed = (errors: readonly unknown[]): Dependency | undefined =>
    dependencies.find((dependency) => errors.some((error) => dependency.isDown(error)));

  /** Outcomes of items of one contract; null for an item that its channel or the shutdown took away. */
  const outcomesOf = async (
    subscription: Subscription,
    items: readonly Item[],
    intake: Intake,
  ): Promise<readonly (Outcome | null)[]> => {
    for (let excuses = EXCUSES; ;) {
      if (items.every(({ held }) => held.isStale())) return items.map(() => null);
      const { outcomes, errors } = await tried(subscription, items);
      const dependency = mode === "query" || mode === "instance" ? undefined : blamed(errors);
      // There is no time left to wait for it: what is in hand goes back, with no attempt counted.
      if (dependency && intake.closing.aborted) return items.map(() => null);
      if (dependency && !(await dependency.answers())) {
        await intake.pause(dependency);
        if (intake.closing.aborted) return items.map(() => null);
      } else if (dependency && excuses > 0) {
        // It answers again already: failing just before that is no attempt either. But some faults only look like an
        // absence and never go away, so this is not excused for ever.
        excuses -= 1;
        await pause(EXCUSE_DELAY_MS, intake.closing);
      } else if (outcomes) return outcomes;
      else if (items.length > 1) {
        // One of them may be at fault: each for itself, so that the others do not pay for it.
        return await eachForItself(subscription, items, intake);
      } else return items.map(() => outcomeOfThrow(errors[0]));
    }
  };

  /** Runs the handler once: its outcomes, or null when it threw; and every error that speaks of failure. */
  const tried = async (subscription: Subscription, items: readonly Item[]) => {
    const stop = metrics.handlerSeconds.startTimer({ queue });
    try {
      const outcomes = await subscription.handle(items.map(({ delivery }) => delivery));
      return { outcomes, errors: outcomes.filter((outcome) => outcome.kind === "retry").map(({ cause }) => cause) };
    } catch (error) {
      return { outcomes: null, errors: [error] };
    } finally {
      stop();
    }
  };

  const eachForItself = async (subscription: Subscription, items: readonly Item[], intake: Intake) => {
    const outcomes: (Outcome | null)[] = [];
    for (const item of items) {
      const [outcome = null] = await outcomesOf(subscription, [item], intake);
      outcomes.push(outcome);
      // What follows a failed delivery on an ordered lane must not be applied before it.
      if (mode === "ordered" && (outcome === null || outcome.kind === "retry")) break;
    }
    return outcomes;
  };

  const outcomeOfThrow = (error: unknown): Outcome => {
    if (mode === "query") return { kind: "refuse", error: queryError(error) };
    if (error instanceof DomainError && error.code !== "service_unavailable") return { kind: "refuse", error };
    return retry(0, error);
  };

  /** What a query answers when it failed: the reason where it is one for callers, else no inner text. */
  const queryError = (error: unknown): DomainError => {
    if (error instanceof DomainError) return error;
    log.error("query failed", { queue, error });
    return dependencies.some((dependency) => dependency.isDown(error))
      ? serviceUnavailable(options.service, `${options.service} misses a dependency`)
      : new DomainError("internal_server_error", {}, { cause: error });
  };

  const settle = async ({ held }: Item, outcome: Outcome, intake: Intake): Promise<void> => {
    if (mode === "instance" && outcome.kind !== "ack") {
      log.error("event not handled by this instance", { queue, outcome: outcome.kind });
      row.onGap();
      return done(held, outcome.kind);
    }
    switch (outcome.kind) {
      case "ack":
      case "reply":
        answer(held, outcome);
        return done(held, "ack");
      case "refuse":
        return settleRefusal(held, outcome.error, intake);
      case "dead-letter":
        answer(held, outcome);
        return mode === "query" ? done(held, "refused") : giveUp(held, intake, outcome.reason, outcome.cause);
      case "retry":
        return settleRetry(held, outcome, intake);
      default:
        return outcome satisfies never;
    }
  };

  /** Refused with somebody listening is an answer; with nobody it is a fact that must not get lost. */
  const settleRefusal = async (held: InHand, error: DomainError, intake: Intake): Promise<void> => {
    if (!held.message.properties.replyTo) return giveUp(held, intake, error.code, error);
    answer(held, { kind: "refuse", error });
    return done(held, "refuse");
  };

  const settleRetry = async (held: InHand, { afterMs, cause }: { afterMs: number; cause: unknown }, intake: Intake) => {
    log.warn("delivery will be retried", { queue, error: cause });
    let isOnLadder = true;
    await moveThenAck(held, intake, "retry", async () => {
      isOnLadder = await mover.toLadder(held.message, queue, afterMs);
      if (!isOnLadder) await mover.toDeadLetter(held.message, row.queue, queue, "retries_exhausted", cause);
    });
    if (!isOnLadder) log.error("message dead-lettered", { queue, reason: "retries_exhausted", error: cause });
  };

  const settleAll = (items: readonly Item[], outcomes: readonly (Outcome | null)[], intake: Intake) =>
    Promise.all(
      items.map(async (item, index) => {
        const outcome = outcomes[index];
        if (outcome) await settle(item, outcome, intake);
      }),
    );

  const subscriptionOf = (item: Item): Subscription | undefined => byType.get(item.delivery.type);

  /**
   * What an ordered lane may handle together: a group handler gets consecutive deliveries of its type, since types may
   * not overtake each other; any other handler gets one delivery at a time.
   */
  const runs = (items: readonly Item[]): readonly (readonly Item[])[] => {
    const found: Item[][] = [];
    for (const item of items) {
      const last = found.at(-1);
      const isSameType = last?.[0]?.delivery.type === item.delivery.type;
      if (last && isSameType && subscriptionOf(item)?.takesGroups) last.push(item);
      else found.push([item]);
    }
    return found;
  };

  /** Ordered lanes: strictly one after the other where it matters; a failing delivery holds up what follows it. */
  const processInOrder = async (items: readonly Item[], intake: Intake): Promise<void> => {
    for (const run of runs(items)) {
      const subscription = run[0] && subscriptionOf(run[0]);
      if (!subscription) continue;
      let pending: readonly Item[] = run;
      for (let attempt = 0; pending.length > 0; attempt += 1) {
        const outcomes = await outcomesOf(subscription, pending, intake);
        const failedAt = outcomes.findIndex((outcome) => outcome === null || outcome.kind === "retry");
        const settled = failedAt === -1 ? pending.length : failedAt;
        await settleAll(pending.slice(0, settled), outcomes.slice(0, settled), intake);
        if (failedAt === -1) break;
        const failed = outcomes[failedAt];
        const culprit = pending[failedAt];
        if (!failed || failed.kind !== "retry" || !culprit) return;
        // Everything behind the failed one is handled again, after it: all changes bear being applied again in order.
        pending = pending.slice(failedAt);
        if (failedAt > 0) attempt = 0;
        const delayMs = options.inPlaceMs[attempt];
        if (delayMs === undefined) {
          await giveUp(culprit.held, intake, "retries_exhausted", failed.cause);
          pending = pending.slice(1);
          attempt = -1;
        } else {
          log.warn("ordered delivery is retried in place", { queue, delayMs, error: failed.cause });
          await pause(Math.max(delayMs, Math.min(failed.afterMs, delayMs * 2)), intake.closing);
          if (intake.closing.aborted) return;
        }
      }
    }
  };

  return async (taken, intake) => {
    const admitted = await Promise.all(taken.map((held) => admit(held, intake)));
    const items = admitted.filter((item) => item !== null);
    metrics.groupSize.observe({ queue }, taken.length);
    if (mode === "ordered") return processInOrder(items, intake);
    const groups = [...Map.groupBy(items, subscriptionOf)];
    await Promise.all(
      groups.map(async ([subscription, group]) => {
        if (subscription) await settleAll(group, await outcomesOf(subscription, group, intake), intake);
      }),
    );
  };
}
