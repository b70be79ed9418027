import { expect } from "chai";
import { heardThrough } from "./heard-through.ts";

describe("the time that packets carry", () => {
  it("is now while everything is told", () => {
    let time = 10;
    const heard = heardThrough(() => time);
    expect(heard.now()).to.equal(10);
    time = 20;
    expect(heard.now()).to.equal(20);
  });

  it("stands still at what is told next", () => {
    let time = 100;
    const heard = heardThrough(() => time);
    const [first, second] = [heard.telling(40), heard.telling(50)];
    time = 200;
    expect(heard.now()).to.equal(40);
    first();
    expect(heard.now()).to.equal(50);
    second();
    expect(heard.now()).to.equal(200);
  });

  it("stands still from where something may be missing, however it goes on meanwhile", () => {
    let time = 100;
    const heard = heardThrough(() => time);
    const waiting = heard.telling(90);
    const release = heard.hold();
    const later = heard.telling(95);
    waiting();
    time = 200;
    expect(heard.now()).to.equal(90);
    const again = heard.hold();
    release();
    expect(heard.now()).to.equal(90);
    again();
    expect(heard.now()).to.equal(95);
    later();
    expect(heard.now()).to.equal(200);
  });

  it("is never ahead of the clock, whatever another's says", () => {
    const heard = heardThrough(() => 100);
    heard.telling(500);
    expect(heard.now()).to.equal(100);
  });
});
