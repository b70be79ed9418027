import {
  AnnounceToAudience,
  AnnounceToFew,
  CancelAnnouncement,
  ChangeAnnouncement,
  FanOut,
  FanOutUrgently,
  FindInboxKey,
  FindRecipients,
  GetAnnouncement,
  GetAnnouncementContent,
  GetInboxEntries,
  GetUpload,
  IdentityCreated,
  ListInbox,
  ListInboxKeys,
  ListInboxKeysOfUsers,
  ListRecipients,
  MessageDelayed,
  OpenAnnouncement,
  OpenUpload,
  PauseAnnouncement,
  RecallAnnouncement,
  ResumeAnnouncement,
  SearchInbox,
  StartAnnouncement,
  StartUpload,
  StoreRecipients,
  StoreUploaded,
  UsersKnown,
} from "@strata/contracts";
import pLimit from "p-limit";
import { type Broker, type Consumer, consumer, on, onGroup } from "@strata/messaging";
import type { Dependency } from "@strata/runtime";
import { newRestraint } from "./domain/restraint.ts";
import { announceToAudience } from "./handlers/announce-to-audience.ts";
import { announceToFew } from "./handlers/announce-to-few.ts";
import { changeAnnouncement } from "./handlers/change-announcement.ts";
import {
  cancelAnnouncement,
  pauseAnnouncement,
  recallAnnouncement,
  resumeAnnouncement,
} from "./handlers/change-state.ts";
import { fanOut, SLOT_LEASE_MS } from "./handlers/fan-out.ts";
import { giveWay } from "./handlers/give-way.ts";
import { listInboxKeys, listInboxKeysOfUsers } from "./handlers/list-inbox-keys.ts";
import { openAnnouncement, openUpload } from "./handlers/open-announcement.ts";
import { noteCreated, noteKnown } from "./handlers/note-newcomers.ts";
import { getAnnouncement, getAnnouncementContent, getInboxEntries, listInbox } from "./handlers/queries.ts";
import { findRecipients, listRecipients } from "./handlers/recipient-queries.ts";
import { findInboxKey, searchInbox } from "./handlers/search-inbox.ts";
import { startAnnouncement } from "./handlers/start-announcement.ts";
import { startUpload } from "./handlers/start-upload.ts";
import { storeRecipients } from "./handlers/store-recipients.ts";
import { getUpload, storeUploaded } from "./handlers/store-uploaded.ts";
import type { FanOutDeps } from "./handlers/take-step.ts";
import { withRestraint } from "./handlers/with-restraint.ts";
import type { FanOutMetrics } from "./metrics.ts";
import type { LatecomerStore } from "./store/latecomer-store.ts";

interface Deps extends FanOutDeps {
  readonly latecomers: LatecomerStore;
  readonly broker: Broker;
  readonly mongo: Dependency;
  readonly metrics: FanOutMetrics;
  readonly concurrency: number;
  /** Steps of slots taken at once. */
  readonly steps: number;
}

/** Everything this service listens to. */
export const consumers = ({ mongo, concurrency, steps, ...deps }: Deps): readonly Consumer[] => {
  const directory = deps.broker.dependsOn("directory");
  // All slots of a process may wait for one another's rests, and each must get its step within its lease.
  const restraint = newRestraint(SLOT_LEASE_MS / 2 / concurrency);
  const pace = withRestraint(pLimit(steps), { restraint, metrics: deps.metrics });
  return [
    consumer({
      queue: "announcement-fanout.few",
      prefetch: 200,
      // Two groups at once: while one waits for the disk the other is being asked about and parsed.
      concurrency: 2,
      handlers: [onGroup(AnnounceToFew, announceToFew(deps))],
      dependencies: [mongo, directory],
    }),
    consumer({
      queue: "announcement-fanout.many",
      prefetch: 20,
      handlers: [
        on(OpenAnnouncement, openAnnouncement(deps)),
        on(StartAnnouncement, startAnnouncement(deps)),
        on(AnnounceToAudience, announceToAudience(deps)),
        on(OpenUpload, openUpload(deps)),
        on(StartUpload, startUpload(deps)),
      ],
      dependencies: [mongo],
    }),
    consumer({
      queue: "announcement-fanout.recipients",
      // Up to 1 MB each: this bounds what is in memory at once.
      prefetch: 8,
      handlers: [on(StoreRecipients, storeRecipients(deps))],
      dependencies: [mongo],
    }),
    consumer({
      queue: "announcement-fanout.uploads",
      // Up to 1 MB each.
      prefetch: 8,
      concurrency: 2,
      handlers: [on(StoreUploaded, storeUploaded(deps))],
      dependencies: [mongo],
    }),
    consumer({
      queue: "announcement-fanout.slots",
      prefetch: concurrency,
      handlers: [on(FanOut, fanOut({ ...deps, pace }))],
      dependencies: [mongo, directory],
    }),
    consumer({
      queue: "announcement-fanout.urgent-slots",
      prefetch: concurrency,
      handlers: [on(FanOutUrgently, fanOut(deps, FanOutUrgently))],
      dependencies: [mongo, directory],
    }),
    consumer({
      queue: "announcement-fanout.delays",
      scope: "instance",
      handlers: [on(MessageDelayed, giveWay({ ...deps, restraint }))],
    }),
    consumer({
      queue: "announcement-fanout.states",
      handlers: [
        on(PauseAnnouncement, pauseAnnouncement(deps)),
        on(ResumeAnnouncement, resumeAnnouncement(deps)),
        on(CancelAnnouncement, cancelAnnouncement(deps)),
        on(RecallAnnouncement, recallAnnouncement(deps)),
        on(ChangeAnnouncement, changeAnnouncement(deps)),
      ],
      dependencies: [mongo],
    }),
    consumer({
      queue: "announcement-fanout.newcomers",
      // Of each group an app's announcements are looked at once.
      prefetch: 200,
      handlers: [onGroup(IdentityCreated, noteCreated(deps)), onGroup(UsersKnown, noteKnown(deps))],
      dependencies: [mongo],
    }),
    consumer({
      queue: "announcement-fanout.queries",
      prefetch: 100,
      handlers: [
        on(GetAnnouncement, getAnnouncement(deps)),
        on(GetAnnouncementContent, getAnnouncementContent(deps)),
        on(GetUpload, getUpload(deps)),
        on(ListInbox, listInbox(deps)),
        on(GetInboxEntries, getInboxEntries(deps)),
        on(ListInboxKeys, listInboxKeys(deps)),
        on(ListInboxKeysOfUsers, listInboxKeysOfUsers(deps)),
        on(SearchInbox, searchInbox(deps)),
        on(FindInboxKey, findInboxKey(deps)),
        on(FindRecipients, findRecipients(deps)),
        on(ListRecipients, listRecipients(deps)),
      ],
      dependencies: [mongo],
    }),
  ];
};
