import type { Command, Query } from "@strata/contracts";
import type { Cause, Client, Publisher } from "@strata/messaging";

interface RequestOptions {
  /** The same id for the same intent: a repeat finds what the first one did. */
  readonly id?: string | undefined;
}

/** How one HTTP request talks to the other services. Whatever does not answer in time is thrown as `service_unavailable`. */
export interface Calls {
  ask<Payload, Reply>(query: Query<Payload, Reply>, payload: Payload): Promise<Reply>;
  request<Payload, Reply>(command: Command<Payload, Reply>, payload: Payload, options?: RequestOptions): Promise<Reply>;
  /** Resolves once the command is durably in its queue. */
  send<Payload, Reply>(command: Command<Payload, Reply>, payload: Payload): Promise<void>;
  inApp(appId: string): Calls;
  /** The same with another deadline, counted from now. */
  within(deadlineMs: number): Calls;
  readonly remainingMs: number;
}

export interface CallsOptions {
  readonly broker: Client & Pick<Publisher, "send">;
  readonly appId: string;
  readonly cause: Cause;
  readonly deadlineMs: number;
}

/** One deadline for all steps: a caller who waits for three services is not made to wait three times as long. */
export function callsOf(options: CallsOptions): Calls {
  const { broker, appId, cause, deadlineMs } = options;
  const deadlineAt = Date.now() + deadlineMs;
  const remainingMs = (): number => Math.max(1, deadlineAt - Date.now());
  const publishOptions = () => ({ cause, timeoutMs: remainingMs() });
  return {
    ask: (query, payload) => broker.ask(query, appId, payload, publishOptions()),
    request: (command, payload, { id } = {}) =>
      broker.request(command, appId, payload, id === undefined ? publishOptions() : { ...publishOptions(), id }),
    send: (command, payload) => broker.send(command, appId, payload, publishOptions()),
    inApp: (other) => callsOf({ ...options, appId: other, deadlineMs: remainingMs() }),
    within: (otherMs) => callsOf({ ...options, deadlineMs: otherMs }),
    get remainingMs() {
      return remainingMs();
    },
  };
}
