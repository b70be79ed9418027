import { type EmptyReply, ExternalUnreadChanged, type PayloadOf, type SetExternalUnread } from "@strata/contracts";
import { ack, type Delivery, type Outcome, type Publisher, refuse } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import type { IdentityStore } from "../store/identity-store.ts";
import { changeUser } from "./changing-user.ts";

interface Deps {
  readonly identities: IdentityStore;
  readonly publisher: Publisher;
}

/** Sets what the app itself counts for a user's badge. The same number again changes no badge and is told to nobody. */
export const setExternalUnread =
  ({ identities, publisher }: Deps) =>
  async (delivery: Delivery<PayloadOf<typeof SetExternalUnread>>): Promise<Outcome<EmptyReply>> => {
    const { userId, count } = delivery.payload;
    const changed = await changeUser(identities, delivery, ({ externalUnread }) =>
      externalUnread === count ? null : { set: { externalUnread: count } },
    );
    if (changed instanceof DomainError) return refuse(changed);
    if (!changed.isChanged) return ack;
    const { version } = changed.user;
    await publisher.emit(
      ExternalUnreadChanged,
      delivery.app,
      { userId, externalUnread: count, version },
      { id: `${delivery.id}.badge-changed`, cause: delivery, subjectVersion: version },
    );
    return ack;
  };
