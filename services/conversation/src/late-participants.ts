import { ForgetParticipant } from "@strata/contracts";
import type { Cause, Publisher } from "@strata/messaging";
import type { ForgottenUserStore } from "./store/forgotten-user-store.ts";

interface Deps {
  readonly forgottenUsers: ForgottenUserStore;
  readonly publisher: Publisher;
}

/** Users who have come into a conversation, by the time of the command that brought them. */
interface Coming {
  readonly app: string;
  readonly conversationId: string;
  readonly userIds: readonly string[];
  readonly at: number;
}

/**
 * Has a conversation forget those of its new participants who were deleted since the command was given. To be asked when
 * their memberships are written: whoever looks for these comes after the word that she was deleted (`forgetUser`), so
 * that one of the two finds the other.
 */
export const forgetLate =
  ({ forgottenUsers, publisher }: Deps) =>
  async ({ app, conversationId, userIds, at }: Coming, cause: Cause): Promise<void> => {
    const deleted = await forgottenUsers.findSince(app, userIds, at);
    await Promise.all(
      [...deleted].map(([userId, deletedAt]) =>
        publisher.send(
          ForgetParticipant,
          app,
          { conversationId, userId, at: deletedAt },
          { id: `${cause.id}.forgotten.${userIds.indexOf(userId)}`, cause },
        ),
      ),
    );
  };
