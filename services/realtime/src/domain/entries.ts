import type {
  AnnouncementCorrected,
  AnnouncementRecalled,
  BatchStored,
  Change,
  ConversationCleared,
  ConversationCreated,
  ConversationDeleted,
  ConversationRead,
  FollowingChanged,
  IdentityUpdated,
  MessageCreated,
  MessageDeleted,
  MessageReceiptsRecorded,
  MessageUpdated,
  MetadataChanged,
  ParticipantsChanged,
  PayloadOf,
  ReceiptsRecorded,
} from "@strata/contracts";

/** All of an app: no user has an empty id. Who of them a change is about is asked when it is told. */
export const EVERYBODY = "";

/** Whom a change is told to: those named, and those who must be asked for. */
export interface Receivers {
  readonly users: readonly string[];
  readonly participantsOf?: string;
  readonly followersOf?: string;
}

/** What an event comes to for sockets. */
export interface Told {
  readonly change: Change;
  readonly to: Receivers;
}

const participants = (conversationId: string, users: readonly string[] = []): Receivers => ({
  users,
  participantsOf: conversationId,
});

export const toldOfCreatedConversation = ({
  conversationId,
  participants: users,
}: PayloadOf<typeof ConversationCreated>): Told => ({
  change: { kind: "conversation-created", conversationId },
  to: { users },
});

/** Who went is told so, too. */
export const toldOfParticipants = (payload: PayloadOf<typeof ParticipantsChanged>): Told => {
  const { conversationId, added, removed } = payload;
  return {
    change: { kind: "participants-changed", conversationId, added, removed },
    to: { users: [...payload.participants, ...removed] },
  };
};

export const toldOfMetadata = ({ conversationId }: PayloadOf<typeof MetadataChanged>): Told => ({
  change: { kind: "metadata-changed", conversationId },
  to: participants(conversationId),
});

export const toldOfDeletedConversation = ({
  conversationId,
  participants: users,
}: PayloadOf<typeof ConversationDeleted>): Told => ({
  change: { kind: "conversation-deleted", conversationId },
  to: { users },
});

export const toldOfCleared = ({
  conversationId,
  userId,
  throughPosition,
}: PayloadOf<typeof ConversationCleared>): Told => ({
  change: { kind: "conversation-cleared", conversationId, throughPosition },
  to: { users: [userId] },
});

export const toldOfRead = ({ conversationId, userId, throughPosition }: PayloadOf<typeof ConversationRead>): Told => ({
  change: { kind: "conversation-read", conversationId, userId, throughPosition },
  to: participants(conversationId, [userId]),
});

/** To whoever shall get it, and to the sender's other devices. */
export const toldOfMessage = ({
  conversationId,
  messageId,
  sender,
  recipients,
}: PayloadOf<typeof MessageCreated>): Told => ({
  change: { kind: "message-created", conversationId, messageId },
  to: { users: "userId" in sender ? [...recipients, sender.userId] : recipients },
});

export const toldOfChangedMessage = (payload: PayloadOf<typeof MessageUpdated>): Told => {
  const { conversationId, messageId, changed, removed } = payload;
  return {
    change: { kind: "message-updated", conversationId, messageId, changed, removed },
    to: participants(conversationId),
  };
};

export const toldOfDeletedMessage = ({
  conversationId,
  messageId,
  userId,
}: PayloadOf<typeof MessageDeleted>): Told => ({
  change: { kind: "message-deleted", conversationId, messageId, isForAll: userId === null },
  to: userId === null ? participants(conversationId) : { users: [userId] },
});

export const toldOfMessageReceipts = (payload: PayloadOf<typeof MessageReceiptsRecorded>): Told => {
  const { conversationId, messageId } = payload;
  const receipts = payload.receipts.map(({ userId, kind }) => ({ userId, kind }));
  return {
    change: { kind: "message-receipts", conversationId, messageId, receipts },
    to: participants(
      conversationId,
      receipts.map(({ userId }) => userId),
    ),
  };
};

export const toldOfBatch = ({ announcementId, recipients }: PayloadOf<typeof BatchStored>): Told => ({
  change: { kind: "announcement-received", announcementId },
  to: { users: recipients },
});

export const toldOfAnnouncementReceipts = ({ announcementId, receipts }: PayloadOf<typeof ReceiptsRecorded>): Told => ({
  change: {
    kind: "announcement-receipts",
    announcementId,
    receipts: receipts.map(({ userId, kind }) => ({ userId, kind })),
  },
  to: { users: receipts.map(({ userId }) => userId) },
});

/** Whoever has it may be millions: who of those with a socket it is, is asked when it is told. */
export const toldOfCorrection = ({ announcementId }: PayloadOf<typeof AnnouncementCorrected>): Told => ({
  change: { kind: "announcement-corrected", announcementId },
  to: { users: [EVERYBODY] },
});

export const toldOfWithdrawal = ({ announcementId }: PayloadOf<typeof AnnouncementRecalled>): Told => ({
  change: { kind: "announcement-withdrawn", announcementId },
  to: { users: [EVERYBODY] },
});

/** To those who follow her, and to her own devices. */
export const toldOfIdentity = ({ userId }: PayloadOf<typeof IdentityUpdated>): Told => ({
  change: { kind: "identity-changed", userId },
  to: { users: [userId], followersOf: userId },
});

export const toldOfFollowing = ({ userId, followed, unfollowed }: PayloadOf<typeof FollowingChanged>): Told => ({
  change: { kind: "following-changed", followed, unfollowed },
  to: { users: [userId] },
});
