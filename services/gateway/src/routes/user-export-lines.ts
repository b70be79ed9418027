import { formatTime } from "@strata/layer-protocol";

export interface ExportRecord {
  readonly type: string;
  readonly [field: string]: unknown;
}

interface Header {
  readonly appId: string;
  readonly userId: string;
  readonly at: number;
}

const FORMAT = 1;

/** A header, the records, and an end that tells how many of each. Where the records break off, there is no end. */
export async function* asExport(
  { appId, userId, at }: Header,
  records: AsyncIterable<ExportRecord>,
): AsyncGenerator<string> {
  const counts = new Map<string, number>();
  yield lineOf({ type: "header", format: FORMAT, app_id: appId, user_id: userId, at: formatTime(at) });
  for await (const record of records) {
    counts.set(record.type, (counts.get(record.type) ?? 0) + 1);
    yield lineOf(record);
  }
  yield lineOf({ type: "end", counts: Object.fromEntries(counts) });
}

/** Times that are named by what they are. */
const TIMES: ReadonlySet<string> = new Set(["at", "until"]);

/** A record as a service tells it, under the names of the wire; what lies deeper has the names that somebody gave it. */
export const wireRecord = (record: ExportRecord): ExportRecord => {
  const fields = Object.entries(record).map(([name, value]): readonly [string, unknown] => {
    const isTime = (name.endsWith("At") || TIMES.has(name)) && typeof value === "number";
    return [name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), isTime ? formatTime(value) : value];
  });
  return { ...Object.fromEntries(fields), type: record.type };
};

const lineOf = (record: ExportRecord): string => `${JSON.stringify(record)}\n`;
