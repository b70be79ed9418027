import {
  type FindRecipients,
  FindUsersKnownBefore,
  type ListRecipients,
  type PayloadOf,
  type ReplyOf,
} from "@strata/contracts";
import { type Cause, type Client, type Handler, reply } from "@strata/messaging";
import { announcementKey } from "../domain/batch.ts";
import { cutoffOf, type Header, isForEveryoneAtOnce } from "../domain/header.ts";
import type { AnnouncementStore } from "../store/announcement-store.ts";
import type { RecipientStore } from "../store/recipient-store.ts";
import { announcedOf } from "./announced-of.ts";

interface Deps {
  readonly announcements: AnnouncementStore;
  readonly recipients: RecipientStore;
}

type Answers<C> = Handler<PayloadOf<C>, ReplyOf<C>>;

/** Users that one question about them takes. */
const USERS_PER_QUERY = 1_000;
/** A latecomer is written down no later than this after she became known. */
const WRITTEN_DOWN_MS = 600_000;

export const findRecipients =
  (deps: Deps & { readonly broker: Client }): Answers<typeof FindRecipients> =>
  async ({ app, payload, ...cause }) => {
    const headers = await deps.announcements.findMany(
      payload.checks.map((check) => announcementKey(app, check.announcementId)),
    );
    const found = await Promise.all(
      payload.checks.map(async ({ announcementId, userIds }) => {
        const header = headers.get(announcementKey(app, announcementId));
        if (!header) return { announcementId, userIds: [] };
        const written = await deps.recipients.find(announcedOf(header), userIds);
        return {
          announcementId,
          userIds: [...written, ...(await notYetWritten(deps.broker, header, userIds, written, cause))],
        };
      }),
    );
    return reply({ found });
  };

/** What is for everyone is in all inboxes before it is written down whose they are. */
async function notYetWritten(
  broker: Client,
  header: Header,
  userIds: readonly string[],
  written: readonly string[],
  cause: Cause,
): Promise<readonly string[]> {
  if (!isForEveryoneAtOnce(header) || header.state === "accepting" || header.state === "scheduled") return [];
  const isWrittenDown = header.state === "distributed" && Date.now() > cutoffOf(header) + WRITTEN_DOWN_MS;
  const known = new Set(written);
  const others = isWrittenDown ? [] : userIds.filter((userId) => !known.has(userId));
  const before = cutoffOf(header);
  const found: string[] = [];
  for (let from = 0; from < others.length; from += USERS_PER_QUERY) {
    const page = { userIds: others.slice(from, from + USERS_PER_QUERY), before };
    found.push(...(await broker.ask(FindUsersKnownBefore, header.app, page, { cause })).userIds);
  }
  return found;
}

export const listRecipients =
  ({ announcements, recipients }: Deps): Answers<typeof ListRecipients> =>
  async ({ app, payload }) => {
    const { announcementId, after, limit } = payload;
    const header = await announcements.find(app, announcementId);
    if (!header) return reply({ userIds: null });
    return reply({ userIds: [...(await recipients.list(announcedOf(header), after, limit))] });
  };
