import {
  type AcceptReply,
  type AnnounceToFew,
  AnnouncementAccepted,
  BatchStored,
  FindUnknownUsers,
  type PayloadOf,
} from "@strata/contracts";
import { type Client, type Delivery, type GroupHandler, type Outcome, type Publisher, reply } from "@strata/messaging";
import { announcementKey, type Batch, batchesOfFew } from "../domain/batch.ts";
import { batchStored } from "../domain/events.ts";
import { announcementFrom, type Header, headerOf, headerTerms } from "../domain/header.ts";
import type { AnnouncementStore } from "../store/announcement-store.ts";
import type { BatchStore } from "../store/batch-store.ts";

type Payload = PayloadOf<typeof AnnounceToFew>;

interface Deps {
  readonly announcements: AnnouncementStore;
  readonly batches: BatchStore;
  readonly broker: Publisher & Client;
}

/** As FindUnknownUsers takes them. */
const USERS_PER_QUERY = 1_000;

/**
 * Announcements to at most 1,000 users each: header, batches and events of a whole group at once. The header keeps who
 * was named and who of them did not exist, so that a repeat writes the very same batches.
 */
export const announceToFew =
  ({ announcements, batches, broker }: Deps): GroupHandler<Payload, AcceptReply> =>
  async (deliveries) => {
    const firsts = firstOfEach(deliveries);
    const known = await announcements.findMany([...firsts.keys()]);
    const fresh = [...firsts].filter(([id]) => !known.has(id)).map(([, delivery]) => delivery);
    await announcements.insertNew(await headersFor(fresh, broker));

    // Read back: of two commands with one id only one made the header, and which one is the row's to say.
    const stored = fresh.length === 0 ? known : await announcements.findMany([...firsts.keys()]);
    const own = deliveries.flatMap((delivery) => {
      const header = stored.get(idOf(delivery));
      return header?.by === delivery.id ? [{ delivery, header, batches: batchesOf(header) }] : [];
    });
    await batches.insertNew(own.flatMap((one) => one.batches));
    await Promise.all(own.map(({ delivery, header, batches: rows }) => publish(broker, delivery, header, rows)));
    return deliveries.map((delivery) => outcomeOf(delivery, stored));
  };

const idOf = ({ app, payload }: Delivery<Payload>): string => announcementKey(app, payload.announcementId);

function firstOfEach(deliveries: readonly Delivery<Payload>[]): ReadonlyMap<string, Delivery<Payload>> {
  const firsts = new Map<string, Delivery<Payload>>();
  for (const delivery of deliveries) if (!firsts.has(idOf(delivery))) firsts.set(idOf(delivery), delivery);
  return firsts;
}

async function headersFor(deliveries: readonly Delivery<Payload>[], broker: Client): Promise<readonly Header[]> {
  const unknown = await unknownUsers(deliveries, broker);
  const at = Date.now();
  return deliveries.map((delivery) => {
    const { app, id, payload } = delivery;
    const { recipients, digest, sender, parts, notification } = payload;
    return headerOf({
      ...headerTerms(payload),
      hidesFrom: payload.expiresAt ?? null,
      dueAt: payload.expiresAt ?? null,
      _id: idOf(delivery),
      app,
      state: "distributed",
      at,
      sender,
      parts,
      notification,
      recipientCount: recipients.length,
      recipients,
      unknown: recipients.filter((userId) => unknown.get(app)?.has(userId)),
      digest,
      by: id,
      startedBy: id,
      chunks: null,
    });
  });
}

/** Who does not exist, asked once for the whole group and app. */
async function unknownUsers(
  deliveries: readonly Delivery<Payload>[],
  broker: Client,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const found = new Map<string, Set<string>>();
  const questions = [...Map.groupBy(deliveries, ({ app }) => app)].flatMap(([app, group]) => {
    const users = [...new Set(group.flatMap(({ payload }) => payload.recipients))];
    found.set(app, new Set());
    return pages(users, USERS_PER_QUERY).map((userIds) => ({ app, userIds, cause: group[0] }));
  });
  await Promise.all(
    questions.map(async ({ app, userIds, cause }) => {
      const { unknown } = await broker.ask(FindUnknownUsers, app, { userIds }, cause ? { cause } : {});
      for (const userId of unknown) found.get(app)?.add(userId);
    }),
  );
  return found;
}

const pages = <T>(values: readonly T[], size: number): readonly T[][] =>
  Array.from({ length: Math.ceil(values.length / size) }, (_, page) => values.slice(page * size, (page + 1) * size));

function batchesOf(header: Header): readonly Batch[] {
  const unknown = new Set(header.unknown);
  const recipients = (header.recipients ?? []).filter((userId) => !unknown.has(userId));
  return batchesOfFew(header.app, announcementFrom(header).announcementId, header.at, recipients);
}

async function publish(broker: Publisher, cause: Delivery<Payload>, header: Header, rows: readonly Batch[]) {
  const { app, at, recipientCount, category } = header;
  const { announcementId } = cause.payload;
  const accepted = { announcementId, at, recipientCount, ...(category === null ? {} : { category }) };
  await Promise.all([
    broker.emit(AnnouncementAccepted, app, accepted, { cause }),
    ...rows.map((batch) => broker.emit(BatchStored, app, batchStored(header, batch), { cause })),
  ]);
}

function outcomeOf(delivery: Delivery<Payload>, stored: ReadonlyMap<string, Header>): Outcome<AcceptReply> {
  const header = stored.get(idOf(delivery));
  if (!header) throw new Error(`${idOf(delivery)} was written and is not there`);
  const outcome = header.by === delivery.id ? "accepted" : "in-use";
  return reply({ outcome, announcement: announcementFrom(header) });
}
