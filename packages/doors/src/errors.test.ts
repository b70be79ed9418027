import { DomainError } from "@strata/runtime";
import { expect } from "chai";
import { layerErrorOf } from "./errors.ts";

describe("layerErrorOf", () => {
  it("says how long to wait for a service that does not answer", () => {
    const error = new DomainError("service_unavailable", { dependency: "directory", retryAfterMs: 2_500 });
    expect(layerErrorOf(error)).to.deep.include({ status: 503, headers: { "Retry-After": "3" } });
    expect(layerErrorOf(new DomainError("service_unavailable"))).to.have.deep.property("headers", {
      "Retry-After": "2",
    });
  });

  it("keeps the property another service refuses, and no other detail", () => {
    const error = new DomainError(
      "invalid_property",
      { property: "expires_at", row: "secret" },
      { message: "is over" },
    );
    expect(layerErrorOf(error)).to.deep.include({ status: 422, message: "is over", data: { property: "expires_at" } });
    const missing = layerErrorOf(new DomainError("not_found", { userIds: ["u1"] }));
    expect(missing).to.include({ status: 404, data: undefined });
  });

  it("says nothing of what nobody foresaw", () => {
    const inner = "E11000 duplicate key of app 42";
    const unforeseen = [new Error(inner), new DomainError("lease_lost", {}, { message: inner }), inner];
    for (const error of unforeseen) {
      const answer = layerErrorOf(error);
      expect(answer).to.include({ id: "internal_server_error", status: 500, data: undefined });
      expect(answer.message).not.to.include("E11000");
    }
  });
});
