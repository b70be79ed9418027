import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { list, member } from "./api-client.ts";
import { openSocket, type Packet, type SocketClient } from "./socket-client.ts";

/**
 * A client that keeps what it is told of one conversation, as the published clients do: it comes back whenever it loses its
 * socket, at whichever replica is there, and asks for what it missed since the last packet that it saw.
 */
export interface CatchingUpClient extends AsyncDisposable {
  /** Sends a message until it is told that it is there; the same id, however often. Answers the id. */
  send(conversationId: string, text: string): Promise<string>;
  /** The ids of all messages that it was told of, by position. */
  order(): readonly string[];
  /** How often it had to come back. */
  readonly returns: number;
  /** It is there, and was told all that it had missed. */
  caughtUp(): Promise<void>;
}

const RETRY_MS = 50;

export async function catchingUpClient(urls: () => readonly string[], session: string): Promise<CatchingUpClient> {
  const positions = new Map<string, number>();
  let [returns, lastSeen] = [0, ""];
  const done = new AbortController();
  let socket: SocketClient | null = null;

  const take = (packet: Packet): void => {
    lastSeen = packet.timestamp;
    if (packet.type !== "change" || member(packet.body, "operation") !== "create") return;
    if (member(member(packet.body, "object"), "type") !== "Message") return;
    const data = member(packet.body, "data");
    positions.set(String(member(data, "id")), Number(member(data, "position")));
  };
  const comeIn = async (): Promise<SocketClient> => {
    for (let attempt = 0; ; attempt += 1) {
      const all = urls();
      const url = all[attempt % all.length] ?? "";
      try {
        const opened = await openSocket(url, session, { onPacket: take });
        if (lastSeen !== "") {
          const answer = await opened.request("Event.replay", { data: { from_timestamp: lastSeen } });
          if (member(answer, "success") !== true) throw new Error(`no replay: ${JSON.stringify(answer)}`);
        }
        return opened;
      } catch (error) {
        if (done.signal.aborted || attempt > 400) throw error;
        await wait(RETRY_MS);
      }
    }
  };
  let comingIn = comeIn();
  socket = await comingIn;
  const staying = (async () => {
    while (!done.signal.aborted) {
      await socket?.closed;
      if (done.signal.aborted) return;
      returns += 1;
      comingIn = comeIn();
      socket = await comingIn;
    }
  })();

  return {
    async send(conversationId, text) {
      const id = `layer:///messages/${randomUUID()}`;
      const data = { id, parts: [{ mime_type: "text/plain", body: text }] };
      for (;;) {
        const answer = await Promise.race([
          socket?.request("Message.create", { objectId: conversationId, data }).catch(() => null),
          socket?.closed.then(() => null),
        ]);
        if (answer !== null && answer !== undefined) {
          const isThere = member(answer, "success") === true || member(member(answer, "data"), "id") === "id_in_use";
          if (isThere) return id;
        }
        await wait(RETRY_MS);
      }
    },
    order: () => [...positions].toSorted(([, one], [, other]) => one - other).map(([id]) => id),
    get returns() {
      return returns;
    },
    async caughtUp() {
      await comingIn;
    },
    async [Symbol.asyncDispose]() {
      done.abort();
      await socket?.close();
      await staying;
    },
  };
}

/** The ids of a conversation's messages as REST lists them, oldest first. */
export async function listedOrder(page: (fromId: string | null) => Promise<unknown>): Promise<readonly string[]> {
  const all: string[] = [];
  for (let fromId: string | null = null; ;) {
    const rows: readonly string[] = list(await page(fromId)).map((row) => String(member(row, "id")));
    all.push(...rows);
    fromId = rows.at(-1) ?? null;
    if (rows.length < 100 || fromId === null) return all.toReversed();
  }
}
