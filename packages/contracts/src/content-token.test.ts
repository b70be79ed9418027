import { randomBytes, randomUUID } from "node:crypto";
import { expect } from "chai";
import { type ContentTicket, readContentTicket, signContentTicket } from "./content-token.ts";

const key = randomBytes(32);
const aTicket = (): ContentTicket => ({
  app: randomUUID(),
  contentId: randomUUID(),
  allows: "download",
  expiresAt: 2_000,
  origin: "https://shop.example",
});

describe("content tickets", () => {
  it("come back as they were signed, and fit into one segment of a path", () => {
    const ticket = aTicket();
    const token = signContentTicket(key, ticket);
    expect(token).to.match(/^[\w-]+\.[\w-]+$/);
    expect(readContentTicket(key, token, 1_999)).to.deep.equal(ticket);
  });

  it("are worth nothing from the moment they expire", () => {
    expect(readContentTicket(key, signContentTicket(key, aTicket()), 2_000)).to.equal(null);
  });

  it("are worth nothing under another key, changed, cut or invented", () => {
    const token = signContentTicket(key, aTicket());
    const [text = "", signature = ""] = token.split(".");
    const forged = Buffer.from(JSON.stringify({ ...aTicket(), allows: "upload" })).toString("base64url");
    for (const bad of [`${forged}.${signature}`, `${text}.`, text, `${token}.x`, `.${signature}`, "", "x.y"]) {
      expect(readContentTicket(key, bad, 0), bad).to.equal(null);
    }
    expect(readContentTicket(randomBytes(32), token, 0)).to.equal(null);
  });
});
