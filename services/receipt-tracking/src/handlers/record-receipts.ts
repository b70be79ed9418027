import { type PayloadOf, type ReceiptFact, ReceiptsRecorded, type RecordReceipts } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { distinctReceipts, partsOf, type ReportedReceipt, userKey } from "../domain/receipt-group.ts";
import { countKey } from "../domain/receipt-key.ts";
import type { ReceiptMetrics } from "../metrics.ts";
import type { Recipients } from "../recipients.ts";
import type { CountStore } from "../store/count-store.ts";
import type { ReceiptStore, StoredReceipt } from "../store/receipt-store.ts";

interface Dependencies {
  readonly receipts: ReceiptStore;
  readonly counts: CountStore;
  readonly recipients: Recipients;
  readonly publisher: Pick<Publisher, "emit">;
  readonly metrics: ReceiptMetrics;
}

type ReceiptsDelivery = Delivery<PayloadOf<typeof RecordReceipts>>;
type Stored = ReadonlyMap<string, StoredReceipt>;

/** Receipts written, asked about and published at once: messages of a few MB at most, with the longest of user ids. */
const PART_RECEIPTS = 5_000;

/**
 * Records receipts of a whole group in one look-up, one question to announcement-fanout, one insert and one event per
 * announcement. Receipts count only for recipients: a command that also names others is refused with `not_found`, and
 * `details.userIds` says who they are, but its recipients' receipts are recorded all the same, so that one stranger in
 * a batch of a thousand costs the others nothing.
 *
 * A redelivered command finds its own receipts (rows remember who made them) and does everything behind the insert
 * again: it may have died before the mark or the event. What another command recorded first is that command's to mark
 * and to publish.
 */
export const recordReceipts =
  (deps: Dependencies) =>
  async (deliveries: readonly ReceiptsDelivery[]): Promise<readonly Outcome<never>[]> => {
    const outcomes: Outcome<never>[] = [];
    for (const part of partsOf(deliveries, PART_RECEIPTS)) outcomes.push(...(await recordPart(deps, part)));
    return outcomes;
  };

async function recordPart(deps: Dependencies, deliveries: readonly ReceiptsDelivery[]) {
  const reported = distinctReceipts(deliveries);
  const stored = await deps.receipts.find([...new Set(reported.flatMap(({ provingKeys }) => provingKeys))]);
  const recipients = await recipientsAmong(deps, reported, stored, deliveries[0]);
  const valid = reported.filter((receipt) => recipients.has(receipt.userKey));
  const ours = await record(deps, valid, stored);
  deps.metrics.receipts.inc({ result: "recorded" }, ours.length);
  deps.metrics.receipts.inc({ result: "known" }, valid.length - ours.length);
  deps.metrics.receipts.inc({ result: "not_recipient" }, reported.length - valid.length);

  // After the insert, or a count between the two would clear the mark without having seen the receipts.
  await deps.counts.markDirty([...new Set(ours.map(countKeyOf))]);
  await publish(deps, deliveries, ours);
  return deliveries.map((delivery) => outcomeOf(delivery, recipients));
}

/** A receipt on record proves its user a recipient, so a read after a delivered is asked about no more. */
async function recipientsAmong(
  { recipients }: Dependencies,
  reported: readonly ReportedReceipt[],
  stored: Stored,
  cause: ReceiptsDelivery | undefined,
): Promise<ReadonlySet<string>> {
  const proven = new Set<string>();
  for (const receipt of reported) {
    if (receipt.provingKeys.some((key) => stored.has(key))) proven.add(receipt.userKey);
  }
  const unproven = reported.filter((receipt) => !proven.has(receipt.userKey));
  const answers = [...Map.groupBy(unproven, ({ app }) => app)].map(async ([app, ofApp]) => {
    const checks = [...Map.groupBy(ofApp, ({ announcementId }) => announcementId)].map(([announcementId, some]) => ({
      announcementId,
      userIds: [...new Set(some.map(({ fact }) => fact.userId))],
    }));
    return { app, found: await recipients.find(app, checks, cause) };
  });
  for (const { app, found } of await Promise.all(answers)) {
    for (const { announcementId, userIds } of found) {
      for (const userId of userIds) proven.add(userKey(app, announcementId, userId));
    }
  }
  return proven;
}

/** Inserts what is new; answers what these commands made, now or before a redelivery, as it is on record. */
async function record(
  { receipts }: Dependencies,
  valid: readonly ReportedReceipt[],
  stored: Stored,
): Promise<readonly ReportedReceipt[]> {
  const news = valid.filter(({ key }) => !stored.has(key));
  const late = await receipts.insertNew(news.map(({ key, fact, commands: [by] }) => ({ key, fact, by })));
  // Whoever was first may have been an earlier delivery of the same command, dying while we read.
  const meanwhile = await receipts.find(late);
  return valid.flatMap((receipt) => {
    const first = stored.get(receipt.key) ?? meanwhile.get(receipt.key);
    if (!first) return receipt;
    return receipt.commands.includes(first.by) ? { ...receipt, fact: { ...receipt.fact, at: first.at } } : [];
  });
}

async function publish(
  { publisher }: Dependencies,
  deliveries: readonly ReceiptsDelivery[],
  ours: readonly ReportedReceipt[],
): Promise<void> {
  const causes = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  const perAnnouncement = Map.groupBy(ours, ({ app, announcementId }) => `${app}/${announcementId}`);
  await Promise.all(
    [...perAnnouncement.values()].map(async (some) => {
      const [first] = some;
      if (!first) return;
      const receipts: ReceiptFact[] = some.map(({ fact }) => fact);
      const cause = causes.get(first.commands[0]);
      const payload = { announcementId: first.announcementId, receipts };
      await publisher.emit(ReceiptsRecorded, first.app, payload, cause && { cause });
    }),
  );
}

function outcomeOf({ app, payload }: ReceiptsDelivery, recipients: ReadonlySet<string>): Outcome<never> {
  const { announcementId, receipts } = payload;
  const strangers = receipts.filter(({ userId }) => !recipients.has(userKey(app, announcementId, userId)));
  if (strangers.length === 0) return ack;
  const userIds = [...new Set(strangers.map(({ userId }) => userId))];
  return refuse(new DomainError("not_found", { announcementId, userIds }));
}

const countKeyOf = (receipt: ReportedReceipt): string => countKey(receipt);
