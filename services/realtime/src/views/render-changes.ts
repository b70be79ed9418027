import type { Change } from "@strata/contracts";
import type { Call, Composer, ProfileCache, SettingsCache } from "@strata/doors";
import type { Packet } from "@strata/layer-protocol";
import { type AnnouncementChange, tellAnnouncement } from "./announcement-views.ts";
import type { ConversationChange } from "../domain/conversation-packets.ts";
import { tellConversation } from "./conversation-views.ts";
import { tellIdentity } from "./identity-views.ts";
import type { ToldChange } from "./packets.ts";

export interface RenderDeps {
  readonly composer: Composer;
  readonly profiles: ProfileCache;
  readonly settings: Pick<SettingsCache, "of">;
}

/** What each user is to be sent of each change: in the order of the changes, each a map by user id. */
export type Rendered = readonly ReadonlyMap<string, readonly Packet[]>[];

/**
 * Makes packets of changes of one app, in one version of the API, each receiver's own: what she sees of it now. Changes of
 * one thing are told together and in their order; things are asked for beside each other.
 */
export async function renderChanges(call: Call, changes: readonly ToldChange[], deps: RenderDeps): Promise<Rendered> {
  const rendered = new Map<ToldChange, Map<string, readonly Packet[]>>(changes.map((one) => [one, new Map()]));
  const tell = (told: ToldChange, userId: string, packets: readonly Packet[]): void =>
    void rendered.get(told)?.set(userId, packets);
  const ofConversations = Map.groupBy(changes.filter(isOfConversation), ({ change }) => change.conversationId);
  const ofAnnouncements = Map.groupBy(changes.filter(isOfAnnouncement), ({ change }) => change.announcementId);
  await Promise.all([
    ...[...ofConversations.values()].map((some) => tellConversation(call, some, deps, tell)),
    ...[...ofAnnouncements.values()].map((some) => tellAnnouncement(call, some, deps, tell)),
    ...changes.filter(isOfIdentity).map((one) => tellIdentity(call, one, deps, tell)),
  ]);
  return changes.map((one) => rendered.get(one) ?? new Map());
}

const isOfConversation = (told: ToldChange): told is ToldChange<ConversationChange> => "conversationId" in told.change;
const isOfAnnouncement = (told: ToldChange): told is ToldChange<AnnouncementChange> => "announcementId" in told.change;
const isOfIdentity = (
  told: ToldChange,
): told is ToldChange<Extract<Change, { kind: "identity-changed" | "following-changed" }>> =>
  told.change.kind === "identity-changed" || told.change.kind === "following-changed";
