import { z } from "zod";
import type { PartFacts } from "./part-views.ts";
import { parseIdentityUri } from "./user-ids.ts";

/** A summary as the server keeps it as a part of a question: by identity, then by the name of a state. */
const Summary = z.record(
  z.string(),
  z.record(z.string(), z.object({ adds: z.array(z.object({ value: z.unknown() })) })),
);
const SUMMARY = /;\s*role\s*=\s*response_summary\s*(;|$)/i;
const NODE = /;\s*parent-node-id\s*=\s*([^;\s]+)/i;

/** What was answered to one message: by the node of it that asks, and the name under which that keeps its answers. */
export interface ResponsesView {
  readonly responses: readonly {
    readonly node_id: string;
    readonly name: string;
    /** How many users answered this, whatever they said. */
    readonly total: number;
    /** By value, the most frequent first. One user may count at several values of a set. */
    readonly counts: readonly { readonly value: unknown; readonly count: number }[];
    readonly answers: readonly {
      readonly id: string;
      readonly user_id: string | null;
      readonly values: readonly unknown[];
    }[];
  }[];
}

/** Who answered a message with what, counted: an extension for backends, out of the summary that clients show. */
export function responsesView(parts: readonly Pick<PartFacts, "mimeType" | "body">[]): ResponsesView {
  return { responses: parts.flatMap((part) => (SUMMARY.test(part.mimeType) ? responsesOf(part) : [])) };
}

function responsesOf({ mimeType, body }: Pick<PartFacts, "mimeType" | "body">): ResponsesView["responses"] {
  const summary = Summary.safeParse(JSON.parse(body ?? "{}"));
  const nodeId = NODE.exec(mimeType)?.[1] ?? "";
  if (!summary.success) return [];
  const entries = Object.entries(summary.data);
  const names = [...new Set(entries.flatMap(([, states]) => Object.keys(states)))];
  return names.map((name) => {
    const answers = entries.flatMap(([id, states]) => {
      const values = states[name]?.adds.map(({ value }) => value) ?? [];
      return values.length === 0 ? [] : [{ id, user_id: parseIdentityUri(id), values }];
    });
    return {
      node_id: nodeId,
      name,
      total: answers.length,
      counts: countsOf(answers.flatMap(({ values }) => values)),
      answers,
    };
  });
}

function countsOf(values: readonly unknown[]): { value: unknown; count: number }[] {
  const counts = [...Map.groupBy(values, (value) => JSON.stringify(value)).values()];
  return counts.map((same) => ({ value: same[0], count: same.length })).toSorted((a, b) => b.count - a.count);
}
