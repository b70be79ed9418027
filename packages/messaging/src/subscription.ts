import type { AnyContract, Command, Event, Query } from "@strata/contracts";
import type { z } from "zod";
import type { Delivery } from "./delivery.ts";
import { deadLetter, type Outcome } from "./outcome.ts";

export type Handler<Payload, Reply> = (delivery: Delivery<Payload>) => Promise<Outcome<Reply>>;
/** Gets what is waiting; answers one outcome per delivery, in the same order. */
export type GroupHandler<Payload, Reply> = (
  deliveries: readonly Delivery<Payload>[],
) => Promise<readonly Outcome<Reply>[]>;

/** A contract with its handler. Parsing is closed over, so that rows of different payloads fit one list without a cast. */
export interface Subscription {
  readonly contract: AnyContract;
  readonly takesGroups: boolean;
  /** Parses each delivery, hands the sound ones over, and answers one outcome per delivery, in order. */
  handle(deliveries: readonly Delivery<unknown>[]): Promise<readonly Outcome[]>;
}

/** Commands and queries answer with their contract's reply; for events there is nobody to answer. */
type Answerable<Payload, Reply> = Command<Payload, Reply> | Query<Payload, Reply>;
type Parseable<Payload> = AnyContract & { readonly payload: z.ZodType<Payload> };

/** Handles deliveries one by one, as many at a time as the row's concurrency allows. */
export function on<Payload, Reply>(
  contract: Answerable<Payload, Reply>,
  handler: Handler<Payload, Reply>,
): Subscription;
export function on<Payload>(contract: Event<Payload>, handler: Handler<Payload, never>): Subscription;
export function on<Payload>(contract: Parseable<Payload>, handler: Handler<Payload, unknown>): Subscription {
  const each: GroupHandler<Payload, unknown> = (deliveries) => Promise.all(deliveries.map(handler));
  return { contract, takesGroups: false, handle: (deliveries) => parseThenHandle(contract, deliveries, each) };
}

/** Handles what is waiting as one group, so that a store is written once for many deliveries. */
export function onGroup<Payload, Reply>(
  contract: Answerable<Payload, Reply>,
  handler: GroupHandler<Payload, Reply>,
): Subscription;
export function onGroup<Payload>(contract: Event<Payload>, handler: GroupHandler<Payload, never>): Subscription;
export function onGroup<Payload>(contract: Parseable<Payload>, handler: GroupHandler<Payload, unknown>): Subscription {
  return { contract, takesGroups: true, handle: (deliveries) => parseThenHandle(contract, deliveries, handler) };
}

async function parseThenHandle<Payload>(
  contract: Parseable<Payload>,
  deliveries: readonly Delivery<unknown>[],
  handler: GroupHandler<Payload, unknown>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const sound: Delivery<Payload>[] = [];
  const places: number[] = [];
  for (const [place, delivery] of deliveries.entries()) {
    const parsed = contract.payload.safeParse(delivery.payload);
    if (parsed.success) {
      places.push(place);
      sound.push({ ...delivery, payload: parsed.data });
    } else {
      // A body that does not fit its contract never will: no attempt is spent on it.
      outcomes[place] = deadLetter("invalid_payload", parsed.error);
    }
  }
  if (sound.length > 0) {
    const handled = await handler(sound);
    if (handled.length !== sound.length) {
      throw new Error(`${contract.type}: ${handled.length} outcomes for ${sound.length} deliveries`);
    }
    for (const [index, outcome] of handled.entries()) {
      const place = places[index];
      if (place !== undefined) outcomes[place] = outcome;
    }
  }
  return outcomes;
}
