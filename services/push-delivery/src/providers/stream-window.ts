interface Waiting {
  readonly start: (isTurn: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Lets at most `size()` pushes into flight, first come first served. The size is asked anew each time, because the peer's stream
 * limit and our pace change; after a change to more, call `wake`.
 */
export class StreamWindow {
  readonly #size: () => number;
  readonly #waiting = new Set<Waiting>();
  #inFlight = 0;

  constructor(size: () => number) {
    this.#size = size;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** True once there is room, false if there was none for `withinMs`. Who got true calls `leave` exactly once. */
  enter(withinMs: number): Promise<boolean> {
    if (this.#waiting.size === 0 && this.#inFlight < this.#size()) {
      this.#inFlight += 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        resolve(false);
      }, withinMs);
      const waiting: Waiting = { start: resolve, timer };
      this.#waiting.add(waiting);
      this.wake();
    });
  }

  leave(): void {
    this.#inFlight -= 1;
    this.wake();
  }

  wake(): void {
    for (const waiting of this.#waiting) {
      if (this.#inFlight >= this.#size()) return;
      this.#waiting.delete(waiting);
      clearTimeout(waiting.timer);
      this.#inFlight += 1;
      waiting.start(true);
    }
  }
}
