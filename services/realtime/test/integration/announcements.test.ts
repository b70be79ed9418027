import { randomUUID } from "node:crypto";
import {
  type Announcement,
  AnnouncementRecalled,
  BatchStored,
  FindAnnouncementReaders,
  FindRecipients,
  GetAnnouncement,
  type PayloadOf,
  ReceiptsRecorded,
} from "@strata/contracts";
import { consumer, on, reply } from "@strata/messaging";
import { anAppId, eventually, type Infra, openInfra } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { aWorld, openConversation, openDirectory, openPeer, type Peer, startRealtime, type World } from "../peers.ts";
import { openSocket, type TestSocket } from "../socket-client.ts";

type Receipts = PayloadOf<typeof ReceiptsRecorded>["receipts"];

const Status = z.object({ data: z.tuple([z.object({ property: z.string(), value: z.string() })]) });

const anAnnouncement = (announcementId: string): Announcement => ({
  announcementId,
  state: "distributed",
  at: 1_000,
  sender: { name: "Shop" },
  parts: [{ mimeType: "text/plain", body: "Half the price", encoding: null }],
  notification: null,
  recipientCount: 1,
  recipients: ["ann"],
});

const statuses = (socket: TestSocket) =>
  socket.packets.flatMap(({ body }) => {
    const status = Status.safeParse(body);
    return status.success ? [status.data.data[0].value] : [];
  });

const batch = (announcementId: string): PayloadOf<typeof BatchStored> => ({
  announcementId,
  batchId: `${anAppId()}/${announcementId}/00/0/000000`,
  partition: 0,
  at: 1_000,
  recipients: ["ann"],
  hasNotification: false,
});

describe("telling sockets of announcements", () => {
  let infra: Infra;
  let world: World;
  let app: string;
  let service: Awaited<ReturnType<typeof startRealtime>>;
  const peers: Peer[] = [];
  const announcements = new Map<string, Announcement>();
  const read = new Set<string>();
  let [fanout, receipts]: (Peer | null)[] = [null, null];
  before(async () => {
    infra = await openInfra("realtime-announcements");
    world = aWorld();
    const queries = consumer({
      queue: "announcement-fanout.queries",
      handlers: [
        on(GetAnnouncement, async ({ payload: { announcementId } }) => {
          const announcement = announcements.get(announcementId);
          return reply({
            progress: announcement ? { announcement, counts: { recipients: 1, unknown: 0, sent: 1 } } : null,
          });
        }),
        on(FindRecipients, async ({ payload: { checks } }) =>
          reply({
            found: checks.map(({ announcementId, userIds }) => ({
              announcementId,
              userIds: userIds.filter((userId) => announcements.get(announcementId)?.recipients?.includes(userId)),
            })),
          }),
        ),
      ],
    });
    const readers = consumer({
      queue: "receipt-tracking.queries",
      handlers: [
        on(FindAnnouncementReaders, async ({ payload: { announcementId, userIds } }) =>
          reply({ userIds: userIds.filter((userId) => read.has(`${announcementId}/${userId}`)) }),
        ),
      ],
    });
    peers.push(
      await openDirectory(infra, world),
      await openConversation(infra, world),
      await openPeer(infra, "announcement-fanout", [queries]),
      await openPeer(infra, "receipt-tracking", [readers]),
      (fanout = await openPeer(infra, "announcement-fanout")),
      (receipts = await openPeer(infra, "receipt-tracking")),
    );
    service = await startRealtime(infra);
  });
  after(async () => {
    await service[Symbol.asyncDispose]();
    for (const peer of peers.toReversed()) await peer[Symbol.asyncDispose]();
    await infra[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    app = anAppId();
  });
  const connect = (userId: string) => openSocket(service.port, world.signIn(app, userId));
  const recorded = (announcementId: string, ...kinds: readonly Receipts[number]["kind"][]) =>
    receipts?.emit(ReceiptsRecorded, app, {
      announcementId,
      receipts: kinds.map((kind) => ({ userId: "ann", kind, at: 5 })),
    });
  function announced(): string {
    const announcementId = randomUUID();
    announcements.set(announcementId, anAnnouncement(announcementId));
    return announcementId;
  }

  it("never lowers what she has come to, in whatever order her receipts are told", async () => {
    const id = announced();
    const ann = await connect("ann");
    await recorded(id, "delivered");
    await eventually(() => statuses(ann), ["delivered"]);
    read.add(`${id}/ann`);
    await recorded(id, "read");
    await eventually(() => statuses(ann), ["delivered", "read"]);
    await recorded(id, "delivered");
    await eventually(() => statuses(ann), ["delivered", "read", "read"]);
  });

  it("tells her other devices that she has read it, or has removed it", async () => {
    const id = announced();
    const [ann, bob] = [await connect("ann"), await connect("bob")];
    read.add(`${id}/ann`);
    await recorded(id, "opened");
    await eventually(() => ann.changes(), ["update Announcement", "create Announcement"]);
    await recorded(id, "deleted");
    await eventually(() => ann.changes().at(-1), "delete Announcement");
    expect(bob.packets).to.deep.equal([]);
  });

  it("tells of a recall those who have it and nobody else, also once it is gone", async () => {
    const id = announced();
    const [ann, bob] = [await connect("ann"), await connect("bob")];
    announcements.set(id, { ...anAnnouncement(id), state: "recalled" });
    await fanout?.emit(AnnouncementRecalled, app, { announcementId: id, at: 7, version: 1 });
    await eventually(() => ann.changes(), ["delete Announcement"]);
    expect(bob.changes()).to.deep.equal([]);
  });

  it("brings it to those of a batch, and none that is recalled or over by then", async () => {
    const [id, recalled, over] = [announced(), announced(), announced()];
    announcements.set(recalled, { ...anAnnouncement(recalled), state: "recalled" });
    announcements.set(over, { ...anAnnouncement(over), expiresAt: Date.now() - 1 });
    const ann = await connect("ann");
    for (const one of [recalled, over, id]) await fanout?.emit(BatchStored, app, batch(one));
    await eventually(() => ann.changes(), ["create Announcement"]);
    expect(JSON.stringify(ann.packets)).to.contain(id);
  });
});
