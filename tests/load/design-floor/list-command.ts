import { partitionOf } from "@strata/contracts";

/** As the caller of A says it. */
interface NewAnnouncement {
  readonly id: string;
  readonly sender_id: string;
  readonly recipients: readonly string[];
  readonly parts: readonly object[];
}

/** What A tells B: the recipients of each partition, sorted. */
export interface ListCommand {
  readonly id: string;
  readonly sender: string;
  readonly parts: readonly object[];
  readonly partitions: readonly (readonly [partition: number, users: readonly string[]])[];
}

const URI = "layer:///identities/";
const MAX_BYTES = 1_000_000;

/** One command for the whole list: the bench's 5,000 recipients are a tenth of a megabyte. */
export function listCommand(body: Buffer): Buffer {
  const { id, sender_id, recipients, parts }: NewAnnouncement = JSON.parse(body.toString());
  const users = recipients.map((uri) => uri.slice(URI.length)).toSorted();
  const partitions = [...Map.groupBy(users, partitionOf)].toSorted(([one], [other]) => one - other);
  const command: ListCommand = { id, sender: sender_id.slice(URI.length), parts, partitions };
  const content = Buffer.from(JSON.stringify(command));
  if (content.length > MAX_BYTES) throw new Error("so many recipients take more than one command");
  return content;
}
