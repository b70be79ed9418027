import { isJsonObject, type JsonObject } from "@strata/layer-protocol";
import { expect } from "chai";
import { brokenRequestAnswer } from "./broken-request.ts";

function answerTo(code: string): { readonly head: string; readonly body: JsonObject } {
  const [head = "", text = ""] = brokenRequestAnswer(code, "https://api.example.com/docs/errors").split("\r\n\r\n");
  const body: unknown = JSON.parse(text);
  return { head, body: isJsonObject(body) ? body : {} };
}

describe("the answer to what is no request", () => {
  it("is an error of the contract, with its length, and ends the connection", () => {
    const { head, body } = answerTo("HPE_INVALID_METHOD");
    expect(head.split("\r\n")).to.include.members(["HTTP/1.1 400 Bad Request", "Connection: close"]);
    expect(head).to.include(`Content-Length: ${Buffer.byteLength(JSON.stringify(body))}`);
    expect(body).to.include({ id: "invalid_request", url: "https://api.example.com/docs/errors#invalid_request" });
  });

  it("says when the headers are too long, or the request takes too long", () => {
    expect(answerTo("HPE_HEADER_OVERFLOW").head).to.match(/^HTTP\/1\.1 431 /);
    const late = answerTo("ERR_HTTP_REQUEST_TIMEOUT");
    expect([late.head.split("\r\n")[0], late.body["id"], late.body["code"]]).to.deep.equal([
      "HTTP/1.1 408 Request Timeout",
      "request_timeout",
      8,
    ]);
  });
});
