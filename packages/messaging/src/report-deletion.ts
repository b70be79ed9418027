import { type DeletionCounts, type DeletionStep, ReportDeletion } from "@strata/contracts";
import type { Cause } from "./delivery.ts";
import type { Publisher } from "./publisher.ts";

/** Which deletion. */
export interface Deleted {
  readonly app: string;
  readonly userId: string;
  readonly at: number;
}

/** All services hear of a deletion by the same event, so what each says of it has an id of its own. */
const ID_PREFIX = {
  conversation: "",
  "push-delivery": "push-",
  integration: "integration-",
} as const satisfies Partial<Record<DeletionStep, string>>;

export interface DeletionReport {
  /** How much there is of her. To be told before any of it goes: whoever begins again finds less, and takes nothing back. */
  counted(counts: DeletionCounts): Promise<void>;
  /** All of it is gone. */
  done(): Promise<void>;
}

/**
 * Tells the directory what a service removes of a deleted user (guarantee 2: durably, before its own command or event is
 * acknowledged), under ids that follow from the cause, so that telling it again says the same again.
 */
export function deletionReport(
  publisher: Pick<Publisher, "send">,
  step: keyof typeof ID_PREFIX,
  { app, userId, at }: Deleted,
  cause: Cause,
): DeletionReport {
  const tell = (id: string, counts: DeletionCounts, isDone: boolean): Promise<void> =>
    publisher.send(
      ReportDeletion,
      app,
      { userId, at, step, counts, isDone },
      { id: `${cause.id}.${ID_PREFIX[step]}${id}`, cause },
    );
  return { counted: (counts) => tell("counted", counts, false), done: () => tell("done", {}, true) };
}
