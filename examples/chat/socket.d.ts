import type { Session } from "./session.js";

/** What tests use of socket.js. */
export class Socket {
  constructor(options: {
    readonly websocketUrl: string;
    readonly session: Session;
    readonly onPacket: (packet: { readonly type: string; readonly body: unknown }) => void;
    readonly onReload: () => Promise<void>;
    readonly onState: (state: "connecting" | "live" | "offline") => void;
  });
  request(method: string, data?: unknown, objectId?: string): Promise<unknown>;
  signal(body: unknown): void;
  close(): void;
}
