import { hash } from "node:crypto";

/** The live replicas of this service, as this one sees them. Two may disagree for a while: only work is lost by that. */
export interface LiveReplicas {
  /** Our own name, unlike any other replica's. */
  readonly self: string;
  /** All that live, ourselves included. Ourselves alone when nobody can say: then we do everything. */
  current(): readonly string[];
  onChange(listener: () => void): void;
}

/** Without anybody who knows, each replica subscribes to all; the single active consumer of a queue is its only writer. */
export const onlyReplica: LiveReplicas = { self: "", current: () => [""], onChange: () => undefined };

/**
 * Rendezvous hashing: each replica finds the owner of a queue without asking, and when a replica comes or goes only the
 * queues move that it takes or had.
 */
export function ownerOf(queue: string, replicas: readonly string[]): string | undefined {
  const weight = (replica: string): string => hash("sha256", `${replica}\n${queue}`);
  return replicas.toSorted((a, b) => (weight(a) < weight(b) ? 1 : -1))[0];
}
