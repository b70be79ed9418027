interface Blocks {
  readonly blockBytes: number;
  /** What the first block has already. */
  readonly begun: Buffer;
  /** Keeps a full block. The next is collected meanwhile, but kept only afterwards: there is never a gap. */
  readonly write: (block: Buffer) => Promise<void>;
  /** Keeps a block that is not full, since nothing more came. */
  readonly writeRest: (rest: Buffer) => Promise<void>;
}

/**
 * Cuts a stream into blocks of one size, whatever pieces it comes in. Two blocks are held, however long the stream is;
 * the source is not read while one waits to be written. When the source breaks, what came is kept before that is thrown.
 */
export async function writeBlocks(source: AsyncIterable<Buffer>, blocks: Blocks): Promise<void> {
  const { blockBytes, begun, write, writeRest } = blocks;
  let [filling, spare] = [Buffer.allocUnsafeSlow(blockBytes), Buffer.allocUnsafeSlow(blockBytes)];
  let filled = begun.copy(filling);
  let writing = Promise.resolve();

  const take = async (piece: Buffer): Promise<void> => {
    for (let taken = 0; taken < piece.length;) {
      const copied = piece.copy(filling, filled, taken);
      taken += copied;
      filled += copied;
      if (filled < blockBytes) continue;
      await writing;
      writing = write(filling);
      // It is awaited before anything else is written; until then its failure has nobody to hear it.
      writing.catch(() => undefined);
      [filling, spare] = [spare, filling];
      filled = 0;
    }
  };
  try {
    for await (const piece of source) await take(piece);
  } finally {
    await writing;
    if (filled > 0) await writeRest(filling.subarray(0, filled));
  }
}
