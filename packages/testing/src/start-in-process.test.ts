import { expect } from "chai";
import { startInProcess } from "./start-in-process.ts";

const closable = (closed: string[], name: string): { close(): Promise<void> } => ({
  close: async () => {
    closed.push(name);
  },
});

describe("startInProcess", () => {
  it("gives start its config and closes in reverse order when disposed", async () => {
    const closed: string[] = [];
    {
      await using service = await startInProcess(
        async ({ config, closing, readiness }) => {
          closing.add(closable(closed, `${config.greeting} first`));
          closing.add(closable(closed, `${config.greeting} second`));
          readiness.add("there", () => true);
        },
        { name: "greeting", config: { greeting: "hello" } },
      );
      expect(await service.readiness.check()).to.deep.equal({ ready: true, checks: { there: true } });
    }
    expect(closed).to.deep.equal(["hello second", "hello first"]);
  });

  it("closes what a failing start had opened and passes its error on", async () => {
    const closed: string[] = [];
    const started = startInProcess(
      async ({ closing }) => {
        closing.add(closable(closed, "store"));
        throw new Error("no broker");
      },
      { name: "greeting", config: {} },
    );
    await started.then(
      () => expect.fail("it started"),
      (error: unknown) => expect(String(error)).to.equal("Error: no broker"),
    );
    expect(closed).to.deep.equal(["store"]);
  });
});
