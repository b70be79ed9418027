interface GatheringOptions<Input, Output> {
  /** Answers all inputs at once, in their order. */
  readonly work: (inputs: readonly Input[]) => Promise<readonly Output[]>;
  /** How many batches are under way at once; what comes meanwhile waits, and goes together. */
  readonly concurrency: number;
  /** A batch holds no more than this together, but always one input. */
  readonly maxWeight: number;
  /** Default: each input weighs 1. */
  readonly weightOf?: (input: Input) => number;
}

interface Call<Input, Output> {
  readonly input: Input;
  readonly resolve: (output: Output) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Puts calls that are made at the same time into one: those of one turn of the event loop, and those made while as many
 * batches as may be are under way. A round trip, and the write into a socket that begins it, is the dearest part of a
 * small look-up, and many small ones come together. Nobody waits for company. When a batch fails, each of its inputs is
 * tried alone, so that none fails by another's fault.
 */
export function gathering<Input, Output>(options: GatheringOptions<Input, Output>): (input: Input) => Promise<Output> {
  const { work, concurrency, maxWeight, weightOf = () => 1 } = options;
  const waiting: Call<Input, Output>[] = [];
  let underWay = 0;
  let isFlushing = false;

  const answer = async (calls: readonly Call<Input, Output>[]): Promise<void> => {
    try {
      const outputs = await work(calls.map(({ input }) => input));
      if (outputs.length !== calls.length) throw new Error(`${outputs.length} answers for ${calls.length} questions`);
      for (const [index, output] of outputs.entries()) calls[index]?.resolve(output);
    } catch (error) {
      if (calls.length === 1) calls[0]?.reject(error);
      else for (const call of calls) await answer([call]);
    }
  };

  const nextBatch = (): readonly Call<Input, Output>[] => {
    let weight = 0;
    const size = waiting.findIndex(({ input }, index) => {
      weight += weightOf(input);
      return index > 0 && weight > maxWeight;
    });
    return waiting.splice(0, size === -1 ? waiting.length : size);
  };

  const flush = (): void => {
    isFlushing = false;
    while (underWay < concurrency && waiting.length > 0) {
      underWay += 1;
      void answer(nextBatch()).finally(() => {
        underWay -= 1;
        flush();
      });
    }
  };

  return (input) =>
    new Promise((resolve, reject) => {
      waiting.push({ input, resolve, reject });
      if (isFlushing || underWay >= concurrency) return;
      isFlushing = true;
      setImmediate(flush);
    });
}
