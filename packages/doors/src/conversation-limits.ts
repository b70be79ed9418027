import type { ConversationLimits } from "@strata/contracts";
import type { Call } from "./call.ts";
import type { SettingsCache } from "./settings-cache.ts";

/** What the call's app allows of a conversation. */
export async function conversationLimits(settings: Pick<SettingsCache, "of">, call: Call): Promise<ConversationLimits> {
  const { maxParticipants, maxConversationMetadataBytes } = await settings.of(call);
  return { maxParticipants, maxMetadataBytes: maxConversationMetadataBytes };
}
