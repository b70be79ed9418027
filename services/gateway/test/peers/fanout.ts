import {
  type Announcement,
  AnnounceToAudience,
  AnnounceToFew,
  CancelAnnouncement,
  ChangeAnnouncement,
  FindInboxKey,
  FindRecipients,
  GetAnnouncement,
  GetInboxEntries,
  GetUpload,
  ListInbox,
  OpenAnnouncement,
  OpenUpload,
  PauseAnnouncement,
  type PayloadOf,
  type ReplyOf,
  RecallAnnouncement,
  type RecipientChunk,
  ResumeAnnouncement,
  SearchInbox,
  StartAnnouncement,
  StartUpload,
  StoreRecipients,
  StoreUploaded,
} from "@strata/contracts";
import { ack, consumer, type Consumer, on, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { lookThrough } from "./look-through.ts";

type Row = Announcement & { readonly digest: string; readonly by: string; startedBy: string | null };

/** What the gateway sees of announcement-fanout, kept in memory. */
export interface FanoutPeer {
  /** By `<app>/<announcement>`. */
  readonly announcements: Map<string, Row>;
  readonly chunks: Map<string, RecipientChunk[]>;
  /** Bytes of the largest StoreRecipients so far. */
  largestCommandBytes: number;
  readonly started: Map<string, PayloadOf<typeof StartAnnouncement>["chunks"]>;
  /** Of uploads, by announcement: the user ids of each command. */
  readonly uploaded: Map<string, (readonly string[])[]>;
  /** What an upload comes upon before it is stored. */
  beforeUploaded: (userIds: readonly string[]) => Promise<void>;
  /** By announcement. */
  readonly traceparents: Map<string, string>;
  /** How many entries one answer of a search looks at. */
  searchedAtOnce: number;
}

export const fanoutContracts = [
  AnnounceToFew,
  AnnounceToAudience,
  PauseAnnouncement,
  ResumeAnnouncement,
  CancelAnnouncement,
  ChangeAnnouncement,
  RecallAnnouncement,
  OpenAnnouncement,
  StoreRecipients,
  StartAnnouncement,
  OpenUpload,
  StoreUploaded,
  GetUpload,
  StartUpload,
  GetAnnouncement,
  GetInboxEntries,
  FindRecipients,
  ListInbox,
  SearchInbox,
  FindInboxKey,
] as const;

export function fanoutPeer(): { peer: FanoutPeer; rows: readonly Consumer[] } {
  const peer: FanoutPeer = {
    announcements: new Map(),
    chunks: new Map(),
    largestCommandBytes: 0,
    started: new Map(),
    uploaded: new Map(),
    beforeUploaded: async () => undefined,
    traceparents: new Map(),
    searchedAtOnce: 1_000,
  };
  const { announcements } = peer;
  const open = (
    key: string,
    by: string,
    payload: Omit<PayloadOf<typeof OpenAnnouncement>, "recipientCount">,
    rest: Pick<Announcement, "state" | "recipients" | "recipientCount" | "isUploaded">,
  ): Row => {
    const row = announcements.get(key) ?? { ...payload, ...rest, at: Date.now(), by, startedBy: null };
    announcements.set(key, row);
    return row;
  };

  const changing = (
    app: string,
    { announcementId }: PayloadOf<typeof PauseAnnouncement>,
    from: readonly Announcement["state"][],
    to: Announcement["state"],
  ) => {
    const row = announcements.get(`${app}/${announcementId}`);
    if (!row) return reply({ outcome: "not-found" as const, progress: null });
    const isDone = row.state === to || from.includes(row.state);
    if (isDone) Object.assign(row, { state: to });
    const counts = { recipients: row.recipientCount, unknown: 0, sent: row.recipientCount };
    return reply({
      outcome: isDone ? ("done" as const) : ("wrong-state" as const),
      progress: { announcement: row, counts },
    });
  };

  const uploadOutcome = (app: string, announcementId: string) => {
    const row = announcements.get(`${app}/${announcementId}`);
    if (!row) return "not-found" as const;
    if (!row.isUploaded) return "not-an-upload" as const;
    return row.state === "accepting" ? ("open" as const) : ("started" as const);
  };
  const distinct = (announcementId: string): number => new Set(peer.uploaded.get(announcementId)?.flat()).size;

  const rows = [
    consumer({
      queue: "announcement-fanout.few",
      handlers: [
        on(AnnounceToFew, async ({ app, id, traceparent, payload }) => {
          peer.traceparents.set(payload.announcementId, traceparent);
          const { recipients, ...rest } = payload;
          const recipientCount = recipients.length;
          const row = open(`${app}/${payload.announcementId}`, id, rest, {
            state: "distributed",
            recipients,
            recipientCount,
          });
          return reply({ outcome: row.by === id ? "accepted" : "in-use", announcement: row });
        }),
      ],
    }),
    consumer({
      queue: "announcement-fanout.many",
      handlers: [
        on(OpenAnnouncement, async ({ app, id, payload }) => {
          const { recipientCount, ...rest } = payload;
          const row = open(`${app}/${payload.announcementId}`, id, rest, {
            state: "accepting",
            recipients: payload.recipients ?? null,
            recipientCount,
          });
          const goesOn = row.by === id || (row.state === "accepting" && row.digest === payload.digest);
          return reply({ outcome: goesOn ? "accepted" : "in-use", announcement: row });
        }),
        on(OpenUpload, async ({ app, id, payload }) => {
          const row = open(`${app}/${payload.announcementId}`, id, payload, {
            state: "accepting",
            recipients: null,
            recipientCount: 0,
            isUploaded: true,
          });
          const goesOn = row.by === id || (row.state === "accepting" && row.digest === payload.digest);
          return reply({ outcome: goesOn ? "accepted" : "in-use", announcement: row });
        }),
        on(StartUpload, async ({ app, payload: { announcementId, maxRecipients } }) => {
          const row = announcements.get(`${app}/${announcementId}`);
          const recipientCount = distinct(announcementId);
          if (!row) return reply({ outcome: "not-found", recipientCount: null, progress: null });
          const counts = { recipients: recipientCount, unknown: 0, sent: 0 };
          const answer = (outcome: ReplyOf<typeof StartUpload>["outcome"]) =>
            reply({ outcome, recipientCount, progress: { announcement: row, counts } });
          if (!row.isUploaded) return answer("not-an-upload");
          if (row.state === "canceled") return answer("ended");
          if (recipientCount === 0) return answer("empty");
          if (recipientCount > maxRecipients) return answer("too-many");
          row.state = "distributing";
          return answer("started");
        }),
        on(AnnounceToAudience, async ({ app, id, payload }) => {
          const { recipientCount, ...rest } = payload;
          const row = open(`${app}/${payload.announcementId}`, id, rest, {
            state: "distributing",
            recipients: null,
            recipientCount: recipientCount ?? 0,
          });
          return reply({ outcome: row.by === id ? "accepted" : "in-use", announcement: row });
        }),
        on(StartAnnouncement, async ({ app, id, payload }) => {
          const row = announcements.get(`${app}/${payload.announcementId}`);
          if (!row) return refuse(new DomainError("not_found"));
          if (row.startedBy !== null && row.startedBy !== id) return reply({ outcome: "in-use", announcement: row });
          Object.assign(row, { state: "distributing", startedBy: id });
          peer.started.set(payload.announcementId, payload.chunks);
          return reply({ outcome: "accepted", announcement: row });
        }),
      ],
    }),
    consumer({
      queue: "announcement-fanout.states",
      handlers: [
        on(PauseAnnouncement, async ({ app, payload }) => changing(app, payload, ["distributing"], "paused")),
        on(ResumeAnnouncement, async ({ app, payload }) => changing(app, payload, ["paused"], "distributing")),
        on(CancelAnnouncement, async ({ app, payload }) =>
          changing(app, payload, ["accepting", "distributing", "paused"], "canceled"),
        ),
        on(RecallAnnouncement, async ({ app, payload }) =>
          changing(app, payload, ["distributing", "distributed"], "recalled"),
        ),
        on(ChangeAnnouncement, async ({ app, payload: { announcementId, content, terms } }) => {
          const row = announcements.get(`${app}/${announcementId}`);
          if (row && row.state !== "recalled") Object.assign(row, content, terms, { revision: 2 });
          return changing(app, { announcementId }, ["distributed", "distributing"], row?.state ?? "distributed");
        }),
      ],
    }),
    consumer({
      queue: "announcement-fanout.recipients",
      handlers: [
        on(StoreRecipients, async ({ payload }) => {
          const { announcementId, chunks } = payload;
          const bytes = Buffer.byteLength(JSON.stringify(payload));
          peer.largestCommandBytes = Math.max(peer.largestCommandBytes, bytes);
          peer.chunks.set(announcementId, [...(peer.chunks.get(announcementId) ?? []), ...chunks]);
          return ack;
        }),
      ],
    }),
    consumer({
      queue: "announcement-fanout.uploads",
      handlers: [
        on(StoreUploaded, async ({ app, payload }) => {
          const { announcementId, userIds } = payload;
          await peer.beforeUploaded(userIds);
          const outcome = uploadOutcome(app, announcementId);
          if (outcome === "open") {
            const bytes = Buffer.byteLength(JSON.stringify(payload));
            peer.largestCommandBytes = Math.max(peer.largestCommandBytes, bytes);
            peer.uploaded.set(announcementId, [...(peer.uploaded.get(announcementId) ?? []), userIds]);
          }
          return reply({ outcome });
        }),
      ],
    }),
    consumer({
      queue: "announcement-fanout.queries",
      handlers: [
        on(GetUpload, async ({ app, payload: { announcementId } }) =>
          reply({
            outcome: uploadOutcome(app, announcementId),
            recipientsAbout: distinct(announcementId),
          }),
        ),
        on(GetAnnouncement, async ({ app, payload }) => {
          const row = announcements.get(`${app}/${payload.announcementId}`);
          if (!row) return reply({ progress: null });
          const counts = { recipients: row.recipientCount, unknown: 1, sent: row.recipientCount - 1 };
          return reply({ progress: { announcement: row, counts } });
        }),
        on(FindRecipients, async ({ app, payload: { checks } }) =>
          reply({
            found: checks.map(({ announcementId, userIds }) => ({
              announcementId,
              userIds: userIds.filter((one) =>
                announcements.get(`${app}/${announcementId}`)?.recipients?.includes(one),
              ),
            })),
          }),
        ),
        on(GetInboxEntries, async ({ app, payload: { keys } }) =>
          reply({ entries: keys.flatMap(({ announcementId }) => announcements.get(`${app}/${announcementId}`) ?? []) }),
        ),
        on(ListInbox, async ({ app, payload: { userId, limit, after, since = 0, without = [] } }) => {
          const inbox = [...announcements]
            .filter(([key, row]) => key.startsWith(`${app}/`) && row.recipients?.includes(userId))
            .map(([, row]) => row)
            .toReversed();
          const isShown = ({ announcementId, at }: Row) => at > since && !without.includes(announcementId);
          const total = inbox.filter(isShown).length;
          const start = after === null ? 0 : inbox.findIndex((row) => row.announcementId === after) + 1;
          if (after !== null && start === 0) return reply({ entries: null, total });
          return reply({ entries: inbox.slice(start).filter(isShown).slice(0, limit), total });
        }),
        on(SearchInbox, async ({ app, payload }) => {
          const { userId, after, limit } = payload;
          const behind = [...announcements]
            .filter(([key, row]) => key.startsWith(`${app}/`) && row.recipients?.includes(userId))
            .map(([, row]) => row)
            .toSorted((a, b) => b.at - a.at || (a.announcementId < b.announcementId ? -1 : 1))
            .filter(({ at, announcementId }) => {
              if (after === null || at < after.at) return true;
              return at === after.at && after.announcementId !== null && announcementId > after.announcementId;
            });
          return reply(
            lookThrough(behind, payload, peer.searchedAtOnce, limit, ({ at, announcementId }) => ({
              at,
              announcementId,
            })),
          );
        }),
        on(FindInboxKey, async ({ app, payload: { userId, announcementId } }) => {
          const row = announcements.get(`${app}/${announcementId}`);
          return reply({ key: row?.recipients?.includes(userId) ? { announcementId, at: row.at } : null });
        }),
      ],
    }),
  ];
  return { peer, rows };
}
