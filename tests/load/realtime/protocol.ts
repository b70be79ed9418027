/** What the benchmark asks a process of clients; sockets are held in groups, each with a name. */
export type Ask =
  /** Opens a socket for each URL. */
  | { readonly kind: "open"; readonly group: string; readonly urls: readonly string[] }
  /** From now on packets that hold this text are counted; `records`: and each is remembered. */
  | { readonly kind: "watch"; readonly group: string; readonly marker: string; readonly records?: boolean }
  /** Waits until each socket has got one of them. */
  | { readonly kind: "reached"; readonly group: string; readonly deadlineMs: number }
  | { readonly kind: "report"; readonly group: string }
  /** Ends all sockets at once, without a word. */
  | { readonly kind: "drop"; readonly group: string }
  /** All come back at once, each as a client does that lost its connection: again and again, and then it asks for what it missed. */
  | { readonly kind: "return"; readonly group: string; readonly since: string; readonly deadlineMs: number };

export interface Request {
  readonly n: number;
  readonly ask: Ask;
}

export type Answer =
  | { readonly n: number; readonly report: Report }
  | { readonly n: number; readonly error: string }
  | { readonly n: number; readonly isUp: true };

/** A packet that was remembered: at which socket of the group, and when. */
export interface Seen {
  readonly socket: number;
  readonly messageId: string;
  readonly atMs: number;
}

/** How a group stands. */
export interface Report {
  readonly open: number;
  /** Sockets that got what is watched for, packets of it, and when the last socket got its first. */
  readonly reached: number;
  readonly packets: number;
  readonly lastAtMs: number;
  /** Replays that were answered, and the last of them. */
  readonly caughtUp: number;
  readonly caughtUpAtMs: number;
  /** Attempts that were refused or broke, and were made again. */
  readonly refused: number;
  /** Replays that were answered 503, and asked for again. */
  readonly failedReplays: number;
  /** Sockets that ended though nobody had asked for it. */
  readonly lost: number;
  /** One packet of what is watched for. */
  readonly sample: string;
  readonly seen: readonly Seen[];
}

/** One clock for all processes of this machine. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
