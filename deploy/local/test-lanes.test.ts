import { expect } from "chai";
import { runInLanes } from "./test-lanes.mjs";

describe("lanes of work", () => {
  it("do everything once, begin in its order, and begin the second while the first is under way", async () => {
    const begun: number[] = [];
    const second = Promise.withResolvers<void>();
    const works = [
      async () => {
        begun.push(0);
        await second.promise;
      },
      async () => {
        begun.push(1);
        second.resolve();
      },
      ...[2, 3, 4, 5].map((n) => async () => void begun.push(n)),
    ];
    await runInLanes(works);
    expect(begun).to.deep.equal([0, 1, 2, 3, 4, 5]);
  });

  it("begin one more while the processors have nothing to do", async () => {
    const begun: number[] = [];
    const last = Promise.withResolvers<void>();
    const waiting = [0, 1].map((n) => async () => {
      begun.push(n);
      await last.promise;
    });
    await runInLanes([...waiting, async () => last.resolve()], async () => undefined);
    expect(begun).to.deep.equal([0, 1]);
  });
});
