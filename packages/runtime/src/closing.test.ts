import { expect } from "chai";
import { createClosing } from "./closing.ts";
import { silentLogger } from "./logger.ts";

const closable = (closed: string[], name: string): { close(): Promise<void> } => ({
  close: async () => {
    closed.push(name);
  },
});
const failing = { close: () => Promise.reject(new Error("socket is gone")) };
const hanging = { close: () => new Promise<void>(() => {}) };

const failureOf = async (work: Promise<void>): Promise<AggregateError> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof AggregateError) return error;
    throw error;
  }
  throw new Error("it did not fail");
};

describe("createClosing", () => {
  it("closes in the reverse of the order of opening, one after the other", async () => {
    const events: string[] = [];
    const closing = createClosing(silentLogger);
    for (const name of ["store", "broker", "consumers"]) {
      closing.add({
        close: async () => {
          events.push(`${name} begins`);
          await Promise.resolve();
          events.push(`${name} ends`);
        },
      });
    }
    await closing.closeAll();
    expect(events).to.deep.equal(
      ["consumers", "broker", "store"].flatMap((name) => [`${name} begins`, `${name} ends`]),
    );
  });

  it("hands back the resource it was given", () => {
    const resource = closable([], "x");
    expect(createClosing(silentLogger).add(resource)).to.equal(resource);
  });

  it("goes on past steps that fail, hang or throw, and reports each of them", async () => {
    const closed: string[] = [];
    const closing = createClosing(silentLogger, 30);
    closing.add(closable(closed, "first"));
    closing.add(failing, "broker");
    closing.add(hanging, "consumers");
    closing.add({
      close: () => {
        throw new Error("at once");
      },
    });
    closing.add(closable(closed, "last"));
    const failure = await failureOf(closing.closeAll());
    expect(closed).to.deep.equal(["last", "first"]);
    expect(failure.errors.map(String)).to.deep.equal([
      "Error: at once",
      "DeadlineExceeded: closing consumers took longer than 30 ms",
      "Error: socket is gone",
    ]);
  });

  it("closes each resource once, however often it is asked", async () => {
    const closed: string[] = [];
    const closing = createClosing(silentLogger);
    closing.add(closable(closed, "store"));
    await Promise.all([closing.closeAll(), closing.closeAll()]);
    await closing.closeAll();
    expect(closed).to.deep.equal(["store"]);
  });

  it("closes what is added while or after it closes", async () => {
    const closed: string[] = [];
    const closing = createClosing(silentLogger);
    closing.add({
      close: async () => {
        closing.add(closable(closed, "added meanwhile"));
      },
    });
    await closing.closeAll();
    closing.add(closable(closed, "added afterwards"));
    expect(closed).to.deep.equal(["added meanwhile", "added afterwards"]);
  });
});
