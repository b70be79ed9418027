import type { Change } from "@strata/contracts";
import type { Call, Composer, ProfileCache, SettingsCache } from "@strata/doors";
import { type AnnouncementChange, tellAnnouncement } from "./announcement-views.ts";
import type { ConversationChange } from "../domain/conversation-packets.ts";
import { tellConversation } from "./conversation-views.ts";
import { tellIdentity } from "./identity-views.ts";
import type { SentPacket, ToldChange } from "./packets.ts";

export interface RenderDeps {
  readonly composer: Composer;
  readonly profiles: ProfileCache;
  readonly settings: Pick<SettingsCache, "of">;
}

export interface Rendered {
  /** What each user is to be sent of each change: in the order of the changes, each a map by user id. */
  readonly packets: readonly ReadonlyMap<string, readonly SentPacket[]>[];
  /** Changes of which it could not be found out, with why. */
  readonly failed: ReadonlyMap<ToldChange, unknown>;
}

/**
 * Makes packets of changes of one app, in one version of the API, each receiver's own: what she sees of it now. Changes of
 * one thing are told together and in their order; things are asked for beside each other, and fail each by itself.
 */
export async function renderChanges(call: Call, changes: readonly ToldChange[], deps: RenderDeps): Promise<Rendered> {
  const rendered = new Map<ToldChange, Map<string, readonly SentPacket[]>>(changes.map((one) => [one, new Map()]));
  const failed = new Map<ToldChange, unknown>();
  const telling = async (some: readonly ToldChange[], work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      for (const one of some) failed.set(one, error);
    }
  };
  const tell = (told: ToldChange, userId: string, packets: readonly SentPacket[]): void =>
    void rendered.get(told)?.set(userId, packets);
  const ofConversations = Map.groupBy(changes.filter(isOfConversation), ({ change }) => change.conversationId);
  const ofAnnouncements = Map.groupBy(changes.filter(isOfAnnouncement), ({ change }) => change.announcementId);
  await Promise.all([
    ...[...ofConversations.values()].map((some) => telling(some, () => tellConversation(call, some, deps, tell))),
    ...[...ofAnnouncements.values()].map((some) => telling(some, () => tellAnnouncement(call, some, deps, tell))),
    ...changes.filter(isOfIdentity).map((one) => telling([one], () => tellIdentity(call, one, deps, tell))),
  ]);
  return { packets: changes.map((one) => rendered.get(one) ?? new Map()), failed };
}

const isOfConversation = (told: ToldChange): told is ToldChange<ConversationChange> => "conversationId" in told.change;
const isOfAnnouncement = (told: ToldChange): told is ToldChange<AnnouncementChange> => "announcementId" in told.change;
const isOfIdentity = (
  told: ToldChange,
): told is ToldChange<Extract<Change, { kind: "identity-changed" | "following-changed" }>> =>
  told.change.kind === "identity-changed" || told.change.kind === "following-changed";
