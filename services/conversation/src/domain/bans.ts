import type { Ban } from "@strata/contracts";
import { identityUri } from "@strata/layer-protocol";
import { DomainError } from "@strata/runtime";

/** That a user is out of a conversation, and does not come in. */
export interface BanRow extends Ban {
  readonly _id: string;
  readonly app: string;
  readonly conversation: string;
}

/** All bans of a conversation stand together, in the order of user ids. */
export const banKey = (app: string, conversationId: string, userId: string): string =>
  `${app}/${conversationId}/${userId}`;

/** Why these users do not come in; null where none of them is banned. */
export function comingInRefusal(banned: readonly string[]): DomainError | null {
  if (banned.length === 0) return null;
  const names = banned.map(identityUri).join(", ");
  const message = `${names} ${banned.length === 1 ? "is" : "are"} banned from the conversation`;
  return new DomainError("user_banned", { userIds: [...banned] }, { message });
}
