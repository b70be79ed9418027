/**
 * How the queue of a row is consumed. work: competing consumers, retries down the ladder. ordered: one at a time, in
 * place. alone: suspects, one at a time. query: answered or forgotten. instance: this process's own copy of events.
 */
export type QueueMode = "work" | "ordered" | "alone" | "query" | "instance";

/** A delivery that processes died under this often is a suspect: its neighbours must not go down with it. */
export const SUSPECT_DEATHS = 2;
/** On an ordered lane leaving the queue costs the order, so a suspect is tried more often in place, one at a time. */
export const SUSPECT_ORDERED_DEATHS = 4;
/** Alone, and still its process died this often: poison. */
export const POISON_DEATHS = 3;
