import { expect } from "chai";
import { DomainError, httpStatusOf } from "./errors.ts";

describe("DomainError", () => {
  it("carries its code, details and cause, and reads as a sentence without a message of its own", () => {
    const cause = new Error("refused");
    const error = new DomainError("service_unavailable", { retryAfterMs: 500 }, { cause });
    expect(error).to.include({ name: "DomainError", code: "service_unavailable", message: "service unavailable" });
    expect(error.details).to.deep.equal({ retryAfterMs: 500 });
    expect(error.cause).to.equal(cause);
  });

  it("has no cause property when it was given none", () => {
    expect("cause" in new DomainError("not_found")).to.equal(false);
  });
});

describe("httpStatusOf", () => {
  it("maps the published error ids", () => {
    const statuses = ["not_found", "id_in_use", "invalid_property", "service_unavailable"].map(httpStatusOf);
    expect(statuses).to.deep.equal([404, 409, 422, 503]);
  });

  it("answers 500 to a code it does not know, also to one that every object has", () => {
    expect([httpStatusOf("surprise"), httpStatusOf("constructor")]).to.deep.equal([500, 500]);
  });
});
