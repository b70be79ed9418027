import type { Client } from "@strata/messaging";

type Asking = Pick<Client, "ask">;

/**
 * A client that, once a service has not answered, fails what is asked of it for `pauseMs` with the same error: who works off
 * many rows one after the other does not wait for the end of a question with each.
 */
export function pausingClient(
  client: Asking,
  isDown: (service: string, error: unknown) => boolean,
  pauseMs: number,
): Asking {
  const failures = new Map<string, { readonly error: unknown; readonly until: number }>();
  return {
    async ask(query, ...rest) {
      const failed = failures.get(query.service);
      if (failed && Date.now() < failed.until) throw failed.error;
      try {
        return await client.ask(query, ...rest);
      } catch (error) {
        if (isDown(query.service, error)) failures.set(query.service, { error, until: Date.now() + pauseMs });
        throw error;
      }
    },
  };
}
