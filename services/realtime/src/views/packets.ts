import type { Change } from "@strata/contracts";
import type { Packet } from "@strata/layer-protocol";

/** A change with those of its receivers who are to be told here and now. */
export interface ToldChange<C extends Change = Change> {
  readonly change: C;
  readonly userIds: readonly string[];
}

/** Takes what one user is to be sent of one change. */
export type PacketsFor = (told: ToldChange, userId: string, packets: readonly Packet[]) => void;
