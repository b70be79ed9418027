import { FindParticipants, type Sender } from "@strata/contracts";
import { boundedCache, type Call, type ProfileCache } from "@strata/doors";
import {
  basicIdentity,
  conversationObject,
  namedIdentity,
  type Packet,
  type TypingAction,
  type TypingSignal,
} from "@strata/layer-protocol";
import type { Signals } from "../signals.ts";
import type { Connection } from "../sockets/connection.ts";
import { blockersAmong } from "./blocks.ts";

interface Deps {
  readonly signals: Signals;
  readonly profiles: ProfileCache;
}

export interface Typing {
  /** She types, or no longer: the others in the conversation are told, as far as she is in it. */
  said(connection: Connection, call: Call, signal: TypingSignal): Promise<void>;
  /** Her socket is gone, and so is what she was typing on it. */
  closed(connection: Connection, call: Call): Promise<void>;
  /** Others are in the conversation now. */
  forget(app: string, conversationId: string): void;
  /** A sender without a socket is seen typing, at the sockets of this process: every process hears of it. */
  show(call: Call, conversationId: string, sender: Sender, action: TypingAction): Promise<void>;
}

const MAX_CONVERSATIONS = 10_000;
/** Nobody types in more at once: the others are not told that she stopped when her socket is gone. */
const MAX_TYPING = 20;
/** Clients repeat themselves every 2.5 s. */
const PARTICIPANTS_TTL_MS = 5_000;
/** What a socket says again sooner than that is no news. */
const REPEATED_MS = 1_000;

const keyOf = (of: string, conversationId: string): string => `${of}/${conversationId}`;

/**
 * The others, but for those who block her. That is asked every time, a few times a minute for each who types: whoever has
 * just blocked her sees no more of her.
 */
async function listenersOf({ calls }: Call, participants: readonly string[], sender: Sender) {
  if (!("userId" in sender)) return participants;
  const others = participants.filter((one) => one !== sender.userId);
  const blockers = await blockersAmong(calls, sender.userId, others);
  return others.filter((one) => !blockers.has(one));
}

export function typingOver({ signals, profiles }: Deps): Typing {
  const known = boundedCache<readonly string[]>({ maxEntries: MAX_CONVERSATIONS, ttlMs: PARTICIPANTS_TTL_MS });
  /** What a socket has just said of a conversation. */
  const justSaid = boundedCache<TypingAction>({ maxEntries: MAX_CONVERSATIONS, ttlMs: REPEATED_MS });
  /** In which conversations a socket has said that its user types. */
  const typingAt = new Map<Connection, Set<string>>();

  const participantsOf = async ({ wire, calls }: Call, conversationId: string): Promise<readonly string[]> => {
    const key = keyOf(wire.appId, conversationId);
    const cached = known.get(key);
    if (cached) return cached;
    const { found } = await calls.ask(FindParticipants, { conversationIds: [conversationId] });
    const participants = found[0]?.participants ?? [];
    known.set(key, participants);
    return participants;
  };
  const packetOf = async (
    call: Call,
    conversationId: string,
    sender: Sender,
    action: TypingAction,
  ): Promise<Packet> => ({
    type: "signal",
    body: {
      type: "typing_indicator",
      object: conversationObject(call.wire.baseUrl, conversationId),
      data: { action, sender: await identityOf(call, sender) },
    },
  });
  const identityOf = async (call: Call, sender: Sender) => {
    if ("name" in sender) return namedIdentity(sender.name);
    const found = await profiles.of(call, [sender.userId]);
    return basicIdentity(call.wire, sender.userId, found.get(sender.userId) ?? null);
  };
  /** false: it is none of her conversations. */
  const tell = async (call: Call, conversationId: string, userId: string, action: TypingAction): Promise<boolean> => {
    const participants = await participantsOf(call, conversationId);
    if (!participants.includes(userId)) return false;
    await signals.send({
      app: call.wire.appId,
      userIds: await listenersOf(call, participants, { userId }),
      isPresence: false,
      packet: await packetOf(call, conversationId, { userId }, action),
    });
    return true;
  };
  const remember = (connection: Connection, conversationId: string): void => {
    const typing = typingAt.get(connection) ?? new Set();
    if (typing.size < MAX_TYPING && connection.isOpen) typingAt.set(connection, typing.add(conversationId));
  };

  return {
    async said(connection, call, { conversationId, action }) {
      const said = keyOf(connection.id, conversationId);
      if (justSaid.get(said) === action) return;
      justSaid.set(said, action);
      if (action === "finished") typingAt.get(connection)?.delete(conversationId);
      const isHers = await tell(call, conversationId, connection.session.userId, action);
      // What is said to conversations of others, or of nobody, leaves nothing behind.
      if (isHers && action !== "finished") remember(connection, conversationId);
    },
    async closed(connection, call) {
      const typing = typingAt.get(connection) ?? [];
      typingAt.delete(connection);
      for (const conversationId of typing) {
        await tell(call, conversationId, connection.session.userId, "finished");
      }
    },
    forget: (app, conversationId) => known.delete(keyOf(app, conversationId)),
    async show(call, conversationId, sender, action) {
      const participants = await participantsOf(call, conversationId);
      const userIds = await listenersOf(call, participants, sender);
      const packet = await packetOf(call, conversationId, sender, action);
      signals.show({ app: call.wire.appId, userIds, isPresence: false, packet });
    },
  };
}
