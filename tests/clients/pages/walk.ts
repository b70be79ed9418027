import type {
  ClientKit,
  LayerClient,
  LayerConversation,
  LayerEvent,
  LayerMessage,
  LayerPart,
  LayerQuery,
  QueryOptions,
  StartOptions,
} from "./layer-client.ts";

/** Events that are kept for the test, in the order in which they came. */
const KEPT_EVENTS = [
  "ready",
  "challenge",
  "deauthenticated",
  "authenticated-error",
  "conversations:sent",
  "conversations:sent-error",
  "messages:sent",
  "messages:sent-error",
] as const;
export type KeptEvent = (typeof KEPT_EVENTS)[number];

interface Kept {
  readonly name: KeptEvent;
  readonly result: string | null;
  readonly target: string | null;
}

interface Talk {
  readonly participants: readonly string[];
  readonly text: string;
  readonly distinct?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
}

const identityId = (userId: string): string => `layer:///identities/${encodeURIComponent(userId)}`;

/** With a token of the page's own backend, as a customer's page does it. */
async function answerChallenge(userId: string, { nonce = "", callback }: LayerEvent): Promise<void> {
  const answer = await fetch(`/token?${String(new URLSearchParams({ user: userId, nonce }))}`);
  callback?.(await answer.text());
}

/** A body that was too long for the message is fetched when it is asked for; until then there is none, or an empty one. */
const bodyOf = (part: LayerPart): Promise<string | Blob> | string | Blob =>
  part.body || new Promise((resolve) => void part.fetchContent(resolve));

/** XDK's text is a card of JSON, and shown to WS3 as a file. */
async function textOf(part: LayerPart): Promise<string> {
  const body = await bodyOf(part);
  const text = typeof body === "string" ? body : await new Response(body).text();
  return part.mimeType.includes("layer.text+json") ? String(JSON.parse(text).text) : text;
}

/**
 * One client in one page, as the test moves it. Whatever goes in and out is JSON, since it crosses between the test and
 * the browser.
 */
// eslint-disable-next-line max-lines-per-function
export function createWalk(kit: ClientKit) {
  let opened: LayerClient | undefined;
  const kept: Kept[] = [];
  const queries = new Map<string, LayerQuery>();

  const client = (): LayerClient => {
    if (opened === undefined) throw new Error("the client was not started");
    return opened;
  };
  const query = (name: string): LayerQuery => {
    const found = queries.get(name);
    if (found === undefined) throw new Error(`no query ${name}`);
    return found;
  };
  const conversation = (id: string): LayerConversation => {
    const found = client().getConversation(id);
    if (found === null) throw new Error(`the client has no conversation ${id}`);
    return found;
  };
  const message = (id: string): LayerMessage => {
    const found = client().getMessage(id);
    if (found === null) throw new Error(`the client has no message ${id}`);
    return found;
  };
  const keep = (name: KeptEvent, { result, target }: LayerEvent): void => {
    kept.push({ name, result: result ?? null, target: target?.id ?? null });
  };

  return {
    start(options: StartOptions): void {
      const made = kit.open(options);
      opened = made;
      made.telemetryMonitor.enabled = false;
      if (options.pingMs !== undefined) made.socketManager.pingFrequency = options.pingMs;
      for (const name of KEPT_EVENTS) made.on(name, (event) => keep(name, event));
      made.on("challenge", (event) => void answerChallenge(options.userId, event));
      made.connect(options.userId);
    },
    isReady: () => client().isReady,
    isSocketOpen: () => client().socketManager.isOpen,
    events: (name: KeptEvent) => kept.filter((event) => event.name === name),
    self: () => ({ userId: client().user.userId, displayName: client().user.displayName }),

    openQuery(name: string, options: QueryOptions): void {
      queries.set(name, client().createQuery(options));
    },
    rows(name: string) {
      const { data, totalSize, pagedToEnd, isFiring } = query(name);
      return { ids: data.map(({ id }) => id), totalSize, pagedToEnd, isFiring };
    },
    widen: (name: string, paginationWindow: number): void => void query(name).update({ paginationWindow }),

    /** A new conversation with a first message; answers the id that the client chose for it. */
    async converse({ participants, text, distinct = false, metadata }: Talk) {
      const made = client().createConversation({ participants, distinct, ...(metadata ? { metadata } : {}) });
      return { conversationId: made.id, messageId: (await kit.sendText(made, text)).id };
    },
    conversation(id: string) {
      const found = client().getConversation(id);
      if (found === null) return null;
      return {
        participants: found.participants.map(({ userId }) => userId).toSorted(),
        metadata: found.metadata,
        unread: found.unreadCount,
        lastMessageId: found.lastMessage?.id ?? null,
      };
    },
    addParticipant: (id: string, userId: string): void => void conversation(id).addParticipants([userId]),
    setMetadata: (id: string, properties: Readonly<Record<string, string>>): void =>
      void conversation(id).setMetadataProperties(properties),
    leave: (id: string): void => void conversation(id).leave(),
    deleteConversation: (id: string): void => void conversation(id).delete("all_participants"),
    deleteMessage: (id: string): void => void message(id).delete("all_participants"),
    markAllRead: (id: string): void => void conversation(id).markAllMessagesAsRead(),

    send: async (conversationId: string, text: string): Promise<string> =>
      (await kit.sendText(conversation(conversationId), text)).id,
    message(id: string) {
      const found = client().getMessage(id);
      if (found === null) return null;
      const { position, syncState, sender, deliveryStatus, readStatus, isRead } = found;
      return { position, syncState, sender: sender.userId, deliveryStatus, readStatus, isRead };
    },
    texts: async (id: string): Promise<string[]> => Promise.all([...message(id).parts].map(textOf)),
    hasContent: (id: string): boolean => [...message(id).parts].some((part) => part.hasContent),
    markRead(id: string): void {
      message(id).isRead = true;
    },
    sendReceipt: (id: string): void => void message(id).sendReceipt("read"),
    /** The same message once more, as a client sends it that never saw the answer. */
    resend: (conversationId: string, messageId: string): Promise<{ success: boolean; id: string | null }> =>
      new Promise((resolve) => {
        const parts = [{ mime_type: "text/plain", body: "sent again" }];
        const body = { method: "Message.create", object_id: conversationId, data: { id: messageId, parts } };
        const sync = { depends: [conversationId], target: messageId };
        client().sendSocketRequest({ method: "POST", body, sync }, ({ success, data }) =>
          resolve({ success, id: data.id ?? null }),
        );
      }),

    type(conversationId: string, state: "started" | "paused" | "finished"): void {
      const publisher = client().createTypingPublisher();
      publisher.setConversation(conversation(conversationId));
      publisher.setState(state);
    },
    typing: (conversationId: string) =>
      client()
        .getTypingState(conversationId)
        .typing.map(({ userId }) => userId),
    setStatus: (status: string): void => client().user.setStatus(status),
    statusOf: (userId: string): string | null => client().getIdentity(identityId(userId))?.status ?? null,

    nameOf: (userId: string): string | null => client().getIdentity(identityId(userId))?.displayName ?? null,

    /** Any call of the REST API with the session. */
    callServer: (): Promise<number> =>
      new Promise((resolve) => {
        const request = { url: "/conversations?page_size=1", method: "GET", sync: false };
        client().xhr(request, ({ status }) => resolve(status));
      }),
  };
}

export type Walk = ReturnType<typeof createWalk>;

declare global {
  /** Where the page keeps it for the test. */
  var walk: Walk;
}
