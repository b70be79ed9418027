import { type AnyContract, defineCommand, defineEvent, defineQuery, type ServiceName } from "@strata/contracts";
import { createReadiness, DomainError, type Logger, type Readiness } from "@strata/runtime";
import { eventually, testLogger } from "@strata/testing";
import { Registry } from "prom-client";
import { z } from "zod";
import { type Broker, type BrokerOptions, openBroker } from "../src/index.ts";

/** Contracts of these tests alone: a conversation service with lanes of each kind, and a realtime service listening. */
export const Note = defineCommand({
  service: "conversation",
  lane: "notes",
  name: "Note",
  version: 1,
  payload: z.object({ n: z.number() }),
  reply: z.object({ doubled: z.number() }),
});
export const Append = defineCommand({
  service: "conversation",
  lane: "appends",
  name: "Append",
  version: 1,
  payload: z.object({ key: z.string(), n: z.number() }),
  orderedBy: ({ key }) => key,
});
/** On the same lane as `Append`. */
export const Rename = defineCommand({
  service: "conversation",
  lane: "appends",
  name: "Rename",
  version: 1,
  payload: z.object({ key: z.string(), n: z.number() }),
  orderedBy: ({ key }) => key,
});
export const Square = defineQuery({
  service: "conversation",
  name: "Square",
  version: 1,
  payload: z.object({ n: z.number() }),
  reply: z.object({ squared: z.number() }),
});
export const Noted = defineEvent({
  name: "test.note.noted",
  version: 1,
  producer: "conversation",
  payload: z.object({ n: z.number() }),
  consumedBy: ["realtime.notes"],
});
export const Revoked = defineEvent({
  name: "test.note.revoked",
  version: 1,
  producer: "conversation",
  payload: z.object({ n: z.number() }),
});

export const APP = "00000000-0000-4000-8000-00000000000a";
/** Short enough for tests; the rungs are told apart by name. */
export const LADDER_MS = [50, 100, 200] as const;

export interface OpenedBroker extends Broker, AsyncDisposable {
  readonly readiness: Readiness;
  readonly registry: Registry;
}

/** A broker of one service in this process, with only these contracts in its catalogue. */
export async function openTestBroker(
  url: string,
  service: ServiceName,
  catalogue: readonly AnyContract[],
  options: Partial<BrokerOptions> & { log?: Logger } = {},
): Promise<OpenedBroker> {
  const readiness = createReadiness();
  const registry = new Registry();
  const broker = await openBroker({
    url,
    service,
    log: testLogger(service),
    metrics: registry,
    readiness,
    ladderMs: LADDER_MS,
    orderedQueues: 2,
    catalogue,
    ...options,
  });
  return Object.assign(broker, { readiness, registry, [Symbol.asyncDispose]: () => broker.close() });
}

export const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
export const sorted = (values: Iterable<number>): number[] => [...values].toSorted((a, b) => a - b);

/** How each of these ended: "done", the code of a DomainError, or the text of another error. */
export const codesOf = async (calls: readonly Promise<unknown>[]): Promise<readonly string[]> =>
  (await Promise.allSettled(calls)).map((result) => {
    if (result.status === "fulfilled") return "done";
    return result.reason instanceof DomainError ? result.reason.code : String(result.reason);
  });

/** Something that happens once, from outside: opens what waits for it. */
export const gate = (): { readonly opened: Promise<void>; readonly open: () => void } => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: () => resolve() };
};

/** Waits until a broker says that it can publish and ask. */
export const isReady = async ({ readiness }: OpenedBroker): Promise<void> => {
  await eventually(async () => (await readiness.check()).checks["broker"], true);
};
