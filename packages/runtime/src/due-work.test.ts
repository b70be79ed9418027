import { eventually } from "@strata/testing";
import { expect } from "chai";
import { workOffDue } from "./due-work.ts";
import { silentLogger } from "./logger.ts";

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Rows that are claimed from the front, as a store would give them out. */
function due(rows: number[]) {
  let claims = 0;
  const claim = async () => {
    claims += 1;
    return rows.shift() ?? null;
  };
  return { claim, rows, claims: () => claims };
}

describe("work that is due", () => {
  it("is worked off, each row once, by so many workers at once and no more", async () => {
    const { claim } = due(numbers(30));
    const done: number[] = [];
    let running = 0;
    let mostAtOnce = 0;
    const work = async (row: number) => {
      running += 1;
      mostAtOnce = Math.max(mostAtOnce, running);
      await new Promise(setImmediate);
      running -= 1;
      done.push(row);
    };
    const working = workOffDue({ everyMs: 1, workers: 4, claim, work, log: silentLogger });
    await eventually(() => done.toSorted((a, b) => a - b), numbers(30));
    await working.close();
    expect(mostAtOnce).to.equal(4);
  });

  it("costs one claim a turn while there is none", async () => {
    const { claim, claims, rows } = due([]);
    const done: number[] = [];
    const claimed: number[] = [];
    // A second claim of the same turn would be begun before the first is answered.
    const slowly = async () => {
      const before = claims();
      await new Promise(setImmediate);
      claimed.push(claims() - before);
      return claim();
    };
    const work = async (row: number) => void done.push(row);
    const working = workOffDue({ everyMs: 1, workers: 4, claim: slowly, work, log: silentLogger });
    await eventually(
      () => claimed.length,
      (turns) => turns > 3,
    );
    expect(new Set(claimed)).to.deep.equal(new Set([0]));
    rows.push(1);
    await eventually(() => done, [1]);
    await working.close();
  });

  it("goes on with the other rows when one fails", async () => {
    const { claim } = due(numbers(10));
    const done: number[] = [];
    const work = async (row: number) => {
      if (row % 3 === 0) throw new Error("not this one");
      done.push(row);
    };
    const working = workOffDue({ everyMs: 1, workers: 2, claim, work, log: silentLogger });
    await eventually(
      () => done.toSorted((a, b) => a - b),
      numbers(10).filter((row) => row % 3 !== 0),
    );
    await working.close();
  });

  it("is done by those who are free while one row takes long, also what becomes due only then", async () => {
    const { claim, rows } = due([0]);
    const end = Promise.withResolvers<void>();
    const done: number[] = [];
    const work = async (row: number) => {
      if (row === 0) await end.promise;
      done.push(row);
    };
    const working = workOffDue({ everyMs: 1, workers: 2, claim, work, log: silentLogger });
    await eventually(() => rows.length, 0);
    rows.push(1, 2, 3);
    await eventually(() => done, [1, 2, 3]);
    end.resolve();
    await working.close();
    expect(done).to.deep.equal([1, 2, 3, 0]);
  });

  it("is finished where it is under way when it closes, and no more is claimed", async () => {
    const { claim, rows } = due(numbers(10));
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const done: number[] = [];
    const work = async (row: number, closing: AbortSignal) => {
      begun.resolve();
      await end.promise;
      expect(closing.aborted).to.equal(true);
      done.push(row);
    };
    const working = workOffDue({ everyMs: 1, workers: 1, claim, work, log: silentLogger });
    await begun.promise;
    const closing = working.close();
    end.resolve();
    await closing;
    expect(done).to.deep.equal([0]);
    expect(rows).to.have.lengthOf(9);
  });
});
