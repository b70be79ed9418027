import { randomUUID } from "node:crypto";
import type { ServiceName } from "@strata/contracts";
import { exchange } from "./names.ts";
import type { Requester } from "./requester.ts";

/** The type of the query that every consumer of queries answers by itself. */
export const PING = "strata.Ping.v1";

const PING_TIMEOUT_MS = 1_000;

/** True when some replica of the service takes queries. */
export async function ping(service: ServiceName, requester: Requester): Promise<boolean> {
  const message = {
    exchange: exchange.queries,
    routingKey: service,
    body: Buffer.from("{}"),
    properties: { messageId: randomUUID(), type: PING, contentType: "application/json" },
  };
  try {
    await requester.query(message, service, Date.now() + PING_TIMEOUT_MS);
    return true;
  } catch {
    return false;
  }
}
