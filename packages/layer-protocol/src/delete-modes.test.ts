import { expect } from "chai";
import { refusal } from "../test/refusal.ts";
import { parseDeleteMode } from "./index.ts";

describe("the mode of a delete", () => {
  it("is for all, or for oneself with or without leaving", () => {
    expect(parseDeleteMode({ mode: "all_participants", leave: "true" })).to.deep.equal({ mode: "all_participants" });
    expect(parseDeleteMode({ mode: "my_devices" })).to.deep.equal({ mode: "my_devices", leave: false });
    expect(parseDeleteMode({ mode: "my_devices", leave: "true" })).to.deep.equal({ mode: "my_devices", leave: true });
  });

  it("must be there and be one of them", () => {
    expect(refusal(() => parseDeleteMode({ destroy: "true" }))).to.equal("missing_property mode");
    expect(refusal(() => parseDeleteMode({ mode: "everyone" }))).to.equal("invalid_property mode");
    expect(refusal(() => parseDeleteMode({ mode: "my_devices", leave: "1" }))).to.equal("invalid_property leave");
  });
});
