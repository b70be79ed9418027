import type { Query } from "@strata/contracts";

/** How many replies of each query a process checks before it takes any on trust, and one of how many from then on. */
const CHECKED_FIRST = 100;
const CHECKED_EVERY = 100;

/**
 * Reads replies of queries. Those of a query that is trusted come from a service of ours, whose compiler knows the same
 * contract; checking a page of messages field by field would cost more than reading it. A sample is checked, so that two
 * releases that do not fit show at once.
 * @throws ZodError for a reply that is checked and does not fit
 */
export function replyReader(): <Payload, Reply>(query: Query<Payload, Reply>, reply: unknown) => Reply {
  const counts = new Map<string, number>();
  return (query, reply) => {
    const count = (counts.get(query.type) ?? 0) + 1;
    counts.set(query.type, count);
    const isChecked = count <= CHECKED_FIRST || count % CHECKED_EVERY === 0;
    return !isChecked && isTrusted(query, reply) ? reply : query.reply.parse(reply);
  };
}

/** The one place where a type is believed instead of checked. */
const isTrusted = <Payload, Reply>(query: Query<Payload, Reply>, _reply: unknown): _reply is Reply =>
  query.isReplyTrusted;
