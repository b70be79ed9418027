import { expect } from "chai";
import { StreamWindow } from "./stream-window.ts";

describe("the window of pushes in flight", () => {
  it("lets in as many as its size and the next one in line when one leaves", async () => {
    const window = new StreamWindow(() => 2);
    expect([await window.enter(1_000), await window.enter(1_000)]).to.deep.equal([true, true]);
    const order: string[] = [];
    const third = window.enter(1_000).then(() => order.push("third"));
    const fourth = window.enter(1_000).then(() => order.push("fourth"));
    expect(window.inFlight).to.equal(2);
    window.leave();
    await third;
    window.leave();
    await fourth;
    expect(order).to.deep.equal(["third", "fourth"]);
    expect(window.inFlight).to.equal(2);
  });

  it("turns away who waited too long, and keeps no place for them", async () => {
    const window = new StreamWindow(() => 1);
    await window.enter(1_000);
    expect(await window.enter(5)).to.equal(false);
    window.leave();
    expect(window.inFlight).to.equal(0);
    expect(await window.enter(5)).to.equal(true);
  });

  it("follows a size that changes", async () => {
    let size = 1;
    const window = new StreamWindow(() => size);
    await window.enter(1_000);
    const more = [window.enter(1_000), window.enter(1_000)];
    size = 3;
    window.wake();
    expect(await Promise.all(more)).to.deep.equal([true, true]);
    size = 1;
    window.leave();
    expect(await window.enter(5)).to.equal(false);
  });
});
