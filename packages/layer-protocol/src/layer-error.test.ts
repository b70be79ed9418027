import { expect } from "chai";
import {
  ERRORS,
  errorBody,
  idInUse,
  internalServerError,
  layerError,
  methodNotAllowed,
  missingProperty,
  notFound,
  rateLimitExceeded,
  serviceUnavailable,
} from "./index.ts";

const DOCS = "https://docs.example/errors";

describe("errors of the wire", () => {
  it("carry the ids, codes and statuses of the contract", () => {
    const rows = Object.entries(ERRORS).map(([id, { code, status }]) => `${id} ${code} ${status}`);
    expect(rows).to.have.members([
      "service_unavailable 1 503",
      "invalid_app_id 2 403",
      "invalid_request_id 3 400",
      "authentication_required 4 401",
      "app_suspended 5 403",
      "user_suspended 6 403",
      "rate_limit_exceeded 7 429",
      "request_timeout 8 408",
      "invalid_operation 9 422",
      "invalid_request 10 400",
      "internal_server_error 100 500",
      "access_denied 101 403",
      "not_found 102 404",
      "object_deleted 103 410",
      "missing_property 104 422",
      "invalid_property 105 422",
      "invalid_endpoint 106 404",
      "invalid_header 107 406",
      "conflict 108 409",
      "method_not_allowed 109 405",
      "id_in_use 111 409",
      "conversation_closed 112 403",
      "user_muted 120 403",
      "user_banned 121 403",
      "message_refused 125 422",
    ]);
  });

  it("are five members on the wire, the url opening the page at the error", () => {
    expect(errorBody(missingProperty("participants"), DOCS)).to.deep.equal({
      id: "missing_property",
      code: 104,
      message: "participants is required",
      url: "https://docs.example/errors#missing_property",
      data: { property: "participants" },
    });
  });

  it("leave data out where the error has none, as recorded for 404", () => {
    expect(errorBody(notFound(), DOCS)).to.not.have.property("data");
  });

  it("send data as null when an id is in use by what the caller may not see", () => {
    expect(errorBody(idInUse(null), DOCS)).to.have.property("data", null);
  });

  it("carry the existing object when an id is in use", () => {
    expect(errorBody(idInUse({ id: "x" }), DOCS).data).to.deep.equal({ id: "x" });
  });

  it("name the good methods in Allow", () => {
    expect(methodNotAllowed(["GET", "POST"]).headers).to.deep.equal({ Allow: "GET, POST" });
  });

  it("say when to come back in whole seconds, at least one", () => {
    expect(serviceUnavailable(0.2).headers).to.deep.equal({ "Retry-After": "1" });
    expect(rateLimitExceeded(2.1).headers).to.deep.equal({ "Retry-After": "3" });
  });

  it("never show the cause of an unexpected failure", () => {
    const error = internalServerError(new Error("password is hunter2"));
    expect(error.cause).to.be.instanceOf(Error);
    expect(JSON.stringify(errorBody(error, DOCS))).to.not.contain("hunter2");
  });

  it("can be told apart by id, code and status", () => {
    const error = layerError("conflict", "there is one", { id: "y" });
    expect(error).to.include({ name: "LayerError", id: "conflict", code: 108, status: 409 });
  });
});
