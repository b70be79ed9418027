import { randomUUID } from "node:crypto";
import { StrataError } from "@strata/cli";
import { eventually } from "@strata/testing";
import type { Platform, TestApp } from "@strata/tests-platform";
import { z } from "zod";
import { deadLettersOf } from "./kill-at-work.ts";

/** What a checker outside the system found, from the log of 202s, the databases and the phones. */
export interface Findings {
  readonly accepted: number;
  readonly entriesExpected: number;
  readonly entriesFound: number;
  readonly entriesTwice: number;
  readonly countsWrong: readonly string[];
  readonly shownTwice: number;
  readonly phonesShown: number;
  readonly deadLetters: Readonly<Record<string, number>>;
}

export interface Sent {
  readonly announcementId: string;
  readonly recipients: readonly string[];
}

const Counts = z.object({
  recipients: z.number(),
  unknown: z.number(),
  sent: z.number(),
  delivered: z.number(),
  read: z.number(),
  pushed: z.number(),
  failed: z.number(),
});
const Status = z.object({ state: z.string(), counts: Counts });
type Counts = z.infer<typeof Counts>;

/** Posts until it is accepted; a 409 says that an earlier try was, and only its answer got lost. */
export async function announce(
  app: TestApp,
  recipients: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): Promise<Sent> {
  const announcementId = randomUUID();
  const body = {
    recipients: recipients.map((userId) => `layer:///identities/${userId}`),
    sender_id: "layer:///identities/sender",
    parts: [{ mime_type: "text/plain", body: "chaos" }],
    notification: { text: "chaos" },
    ...more,
  };
  for (;;) {
    try {
      await app.client.request("POST", `/apps/${app.appId}/announcements`, { ifNoneMatch: announcementId, body });
      return { announcementId, recipients };
    } catch (error) {
      if (error instanceof StrataError && error.status === 409) return { announcementId, recipients };
      if (!(error instanceof StrataError && error.status === 503)) throw error;
    }
  }
}

/** A burst of small announcements and receipts that belong to nobody's count: work for every service. */
export async function stir(app: TestApp, owners: readonly string[], random: () => number): Promise<void> {
  const user = owners[Math.floor(random() * owners.length)] ?? "";
  const requests = Array.from({ length: 40 }, () =>
    app.client.request("GET", `/apps/${app.appId}/users/${user}/announcements`).catch(() => undefined),
  );
  await Promise.all(requests);
}

/** Waits until all are distributed, the phones have said everything, all is counted, and no count has moved for a while. */
export async function atRest(
  platform: Platform,
  app: TestApp,
  sent: readonly Sent[],
  settleMs: number,
): Promise<ReadonlyMap<string, Counts>> {
  let last = "";
  let restingSince = Date.now();
  const counts = new Map<string, Counts>();
  const look = async (): Promise<boolean> => {
    const states: string[] = [];
    for (const { announcementId } of sent) {
      const { body } = await app.client.request("GET", `/apps/${app.appId}/announcements/${announcementId}`);
      const status = Status.parse(body);
      counts.set(announcementId, status.counts);
      states.push(status.state);
    }
    const now = JSON.stringify([...counts]);
    // On a busy machine nothing may move for seconds although phones try again later, or a recount waits for its turn.
    if (now !== last || (await isWaiting(platform))) restingSince = Date.now();
    last = now;
    return states.every((state) => state === "distributed") && Date.now() - restingSince > settleMs;
  };
  await eventually(look, true, { deadlineMs: 120_000, everyMs: 300 });
  return counts;
}

async function isWaiting(platform: Platform): Promise<boolean> {
  if (platform.phone.stats().receipts.waiting > 0) return true;
  const counts = platform.db("receipt-tracking").collection("receipt_counts");
  return (await counts.findOne({ dirty: { $exists: true } })) !== null;
}

export async function examine(
  platform: Platform,
  app: TestApp,
  sent: readonly Sent[],
  counts: ReadonlyMap<string, Counts>,
  owners: readonly string[],
): Promise<Findings> {
  const phones = new Set(owners);
  const found = { entriesExpected: 0, entriesFound: 0, entriesTwice: 0, phonesShown: 0 };
  const countsWrong: string[] = [];
  for (const { announcementId, recipients } of sent) {
    const entries = await inboxEntries(platform, app, announcementId);
    const distinct = new Set(entries);
    found.entriesExpected += recipients.length;
    found.entriesFound += recipients.filter((userId) => distinct.has(userId)).length;
    found.entriesTwice += entries.length - distinct.size;
    const rows = await receiptRows(platform, app, announcementId);
    const withPhone = recipients.filter((userId) => phones.has(userId)).length;
    found.phonesShown += withPhone;
    const expected: Counts = {
      recipients: recipients.length,
      unknown: 0,
      sent: recipients.length,
      delivered: rows.delivered,
      read: rows.read,
      pushed: withPhone,
      failed: 0,
    };
    const counted = counts.get(announcementId);
    // Every phone answers, so the rows themselves must be complete too.
    if (JSON.stringify(counted) !== JSON.stringify(expected) || rows.delivered !== withPhone) {
      countsWrong.push(`${announcementId}: counted ${JSON.stringify(counted)}, rows say ${JSON.stringify(expected)}`);
    }
  }
  const histogram = Object.entries(platform.phone.shownHistogram());
  const shownTwice = histogram.filter(([times]) => Number(times) > 1).reduce((sum, [, devices]) => sum + devices, 0);
  const deadLetters = await deadLettersOf(platform);
  return { accepted: sent.length, ...found, countsWrong, shownTwice, deadLetters };
}

const below = (prefix: string) => ({ $gte: `${prefix}/`, $lt: `${prefix}0` });

async function inboxEntries(platform: Platform, { appId }: TestApp, announcementId: string): Promise<string[]> {
  const batches = platform.db("announcement-fanout").collection<{ _id: string; recipients: string[] }>("batches");
  const rows = await batches.find({ _id: below(`${appId}/${announcementId}`) }).toArray();
  return rows.flatMap(({ recipients }) => recipients);
}

async function receiptRows(platform: Platform, { appId }: TestApp, announcementId: string) {
  const receipts = platform.db("receipt-tracking").collection<{ _id: string; user: string }>("receipts");
  const rows = await receipts.find({ _id: below(`${appId}/${announcementId}`) }).toArray();
  const reads = rows.filter(({ _id }) => _id.startsWith(`${appId}/${announcementId}/r/`));
  return { delivered: new Set(rows.map(({ user }) => user)).size, read: reads.length };
}
