import { FcmSession, type HttpAnswer, type SessionOptions } from "./fcm-session.ts";

/** A fixed number of places for sessions; each is dialled when it is needed, and again when its session has gone. */
export class FcmSessions {
  readonly #options: SessionOptions;
  readonly #places: (FcmSession | null)[];

  constructor(options: SessionOptions, count: number) {
    this.#options = options;
    this.#places = Array.from({ length: count }, () => null);
  }

  /** How many requests all places can carry at once. A place without a session counts one: the request that dials. */
  get capacity(): number {
    let capacity = 0;
    for (const session of this.#places) capacity += session?.isOpen === true ? session.limit : 1;
    return capacity;
  }

  /** Sends one request on the session with most room, dialling if there is none. Always settles. */
  async request(
    headers: Readonly<Record<string, string>>,
    body: string,
  ): Promise<HttpAnswer & { isConnected: boolean }> {
    const session = this.#withRoom() ?? (await this.#dialled());
    if (typeof session === "string") {
      return { kind: "unanswered", reason: session, isUnprocessed: true, isConnected: false };
    }
    return { ...(await session.request(headers, body)), isConnected: true };
  }

  /** A session that was replaced ends by itself, with its last stream. */
  destroy(): void {
    for (const session of this.#places) session?.destroy();
  }

  #withRoom(): FcmSession | null {
    let best: FcmSession | null = null;
    for (const session of this.#places) {
      if (session?.isOpen === true && session.free > (best?.free ?? 0)) best = session;
    }
    return best;
  }

  /** A session that has just become ready, or why there is none. */
  async #dialled(): Promise<FcmSession | string> {
    const place = this.#places.findIndex((each) => each === null || !each.isOpen);
    try {
      const session = place === -1 ? this.#fewestInFlight() : this.#dial(place);
      return (await session.ready) ? session : session.failure;
    } catch (error) {
      return String(error); // A CA that is no PEM makes connect() throw.
    }
  }

  #dial(place: number): FcmSession {
    const session = new FcmSession(this.#options);
    this.#places[place] = session;
    return session;
  }

  // The window keeps us from getting here with every place full; a limit that has just shrunk may still do it for a moment.
  #fewestInFlight(): FcmSession {
    const open = this.#places.filter((session) => session !== null);
    const [first, ...others] = open;
    if (first === undefined) return this.#dial(0);
    return others.reduce((best, session) => (session.free > best.free ? session : best), first);
  }
}
