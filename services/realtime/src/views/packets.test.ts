import { announcementObject, createPacket, formatUserReference, VERSIONS } from "@strata/layer-protocol";
import { expect } from "chai";
import { textOf, writtenOnce } from "./packets.ts";

const ANNOUNCEMENT = "c0c0c0c0-0000-4000-8000-000000000001";
const object = announcementObject("https://api.example", ANNOUNCEMENT);

describe("writtenOnce", () => {
  for (const version of VERSIONS) {
    it(`writes each user's packet as if it were made for her alone (${version})`, () => {
      const packetOf = (userId: string) =>
        createPacket(object, {
          parts: [{ body: 'she said "layer:///identities/ann"', mime_type: "text/plain" }],
          recipient_status: { [formatUserReference(version, userId)]: "sent" },
          is_unread: true,
        });
      const hers = writtenOnce(version, packetOf);
      for (const userId of ["ann", 'quote"d', "a/b c", "back\\slash", "ü$&$1", "𝒳", "__proto__x"]) {
        expect(hers(userId).text).to.equal(textOf(packetOf(userId)));
        expect(hers(userId).type).to.equal("change");
      }
    });
  }
});
