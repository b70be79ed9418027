import type { Change } from "@strata/contracts";
import { formatUserReference, type LayerVersion, type Packet } from "@strata/layer-protocol";
import { randomUUID } from "node:crypto";

/** A change with those of its receivers who are to be told here and now. */
export interface ToldChange<C extends Change = Change> {
  readonly change: C;
  readonly userIds: readonly string[];
}

/** A packet whose body is JSON already. */
export interface WrittenPacket extends Pick<Packet, "type"> {
  readonly text: string;
}

export type SentPacket = Packet | WrittenPacket;

export const textOf = (packet: SentPacket): string => ("text" in packet ? packet.text : JSON.stringify(packet.body));

/**
 * Each user's own of a packet that differs in nothing but whom it names as its reader: written once, with a place for her.
 */
export function writtenOnce(
  version: LayerVersion,
  packetOf: (userId: string) => Packet,
): (userId: string) => WrittenPacket {
  const nameOf = (userId: string): string => JSON.stringify(formatUserReference(version, userId));
  // No content can hold it, being made up just now.
  const nobody = randomUUID();
  const { type, body } = packetOf(nobody);
  const pieces = JSON.stringify(body).split(nameOf(nobody));
  return (userId) => ({ type, text: pieces.join(nameOf(userId)) });
}

/** Takes what one user is to be sent of one change. */
export type PacketsFor = (told: ToldChange, userId: string, packets: readonly SentPacket[]) => void;
