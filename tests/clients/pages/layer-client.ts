// What the walk uses of the two clients, which have no types of their own. Both are the same in this part.

export interface LayerEvent {
  readonly nonce?: string;
  readonly callback?: (identityToken: string) => void;
  readonly result?: string;
  readonly error?: unknown;
  readonly target?: { readonly id?: string };
}

export interface LayerIdentity {
  readonly id: string;
  readonly userId: string;
  readonly displayName: string;
  readonly status: string;
  setStatus(status: string): void;
}

export interface LayerPart {
  readonly mimeType: string;
  readonly body: string | Blob | null;
  readonly hasContent: boolean;
  fetchContent(done: (body: string | Blob) => void): unknown;
}

export interface LayerMessage {
  readonly id: string;
  readonly position: number;
  readonly syncState: string;
  readonly sender: LayerIdentity;
  readonly deliveryStatus: string;
  readonly readStatus: string;
  readonly parts: Iterable<LayerPart>;
  isRead: boolean;
  send(): unknown;
  sendReceipt(type: "delivery" | "read"): unknown;
  delete(mode: "all_participants"): unknown;
}

export interface LayerConversation {
  readonly id: string;
  readonly distinct: boolean;
  readonly participants: readonly LayerIdentity[];
  readonly metadata: unknown;
  readonly unreadCount: number;
  readonly lastMessage: LayerMessage | null;
  createMessage(message: object | string): LayerMessage;
  addParticipants(userIds: readonly string[]): unknown;
  setMetadataProperties(properties: Readonly<Record<string, string>>): unknown;
  markAllMessagesAsRead(): unknown;
  leave(): unknown;
  delete(mode: "all_participants"): unknown;
}

export interface LayerQuery {
  readonly data: readonly { readonly id: string }[];
  readonly totalSize: number;
  readonly pagedToEnd: boolean;
  readonly isFiring: boolean;
  update(changes: { readonly paginationWindow: number }): unknown;
}

export interface QueryOptions {
  readonly model: "Conversation" | "Message" | "Announcement" | "Identity";
  readonly predicate?: string;
  readonly paginationWindow?: number;
  readonly sortBy?: readonly Readonly<Record<string, string>>[];
}

export interface TypingPublisher {
  setConversation(conversation: LayerConversation): void;
  setState(state: string): void;
}

export interface SocketResult {
  readonly success: boolean;
  readonly data: { readonly id?: string };
}

export interface LayerClient {
  readonly isReady: boolean;
  readonly isAuthenticated: boolean;
  readonly user: LayerIdentity;
  readonly telemetryMonitor: { enabled: boolean };
  readonly socketManager: { readonly isOpen: boolean; pingFrequency: number };
  on(event: string, listener: (event: LayerEvent) => void): unknown;
  connect(userId: string): unknown;
  createQuery(options: QueryOptions): LayerQuery;
  createConversation(options: {
    readonly participants: readonly string[];
    readonly distinct: boolean;
    readonly metadata?: Readonly<Record<string, string>>;
  }): LayerConversation;
  getConversation(id: string): LayerConversation | null;
  getMessage(id: string): LayerMessage | null;
  getIdentity(id: string): LayerIdentity | null;
  createTypingPublisher(): TypingPublisher;
  getTypingState(conversationId: string): { readonly typing: readonly { readonly userId: string }[] };
  sendSocketRequest(request: object, done: (result: SocketResult) => void): unknown;
  xhr(request: object, done: (result: { readonly status: number }) => void): unknown;
}

/** Where a client shall go, as whom. */
export interface StartOptions {
  readonly url: string;
  readonly websocketUrl: string;
  readonly appId: string;
  readonly userId: string;
  readonly isTrustedDevice?: boolean;
  /** The client asks for the counter after so much silence; 30 s unless said. */
  readonly pingMs?: number;
}

/** What differs between the two. */
export interface ClientKit {
  /** Makes the client, with everything set but not yet connected. */
  open(options: StartOptions): LayerClient;
  /** Sends text as the client's own users do. */
  sendText(conversation: LayerConversation, text: string): Promise<LayerMessage>;
}
