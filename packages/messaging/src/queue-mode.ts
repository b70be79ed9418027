/**
 * How the queue of a row is consumed. work: competing consumers, retries down the ladder. ordered: one at a time, in
 * place. alone: suspects, one at a time. query: answered or forgotten. instance: this process's own copy of events.
 */
export type QueueMode = "work" | "ordered" | "alone" | "query" | "instance";

/** A delivery that processes died under this often is a suspect: its neighbours must not go down with it. */
export const SUSPECT_DELIVERIES = 2;
/** On an ordered lane leaving the queue costs the order, so a suspect is first tried in place with prefetch 1. */
export const SUSPECT_ORDERED_DELIVERIES = 6;
/** Alone, and still its process died this often: poison. */
export const POISON_DELIVERIES = 3;
