import type { AnnouncementContent } from "@strata/contracts";
import { expect } from "chai";
import { announcementDigest } from "./announcement-digest.ts";

const content: AnnouncementContent = {
  sender: { name: "Ops" },
  parts: [{ mimeType: "text/plain", body: "Hello", encoding: null }],
  notification: { text: "Hello", data: { a: 1, b: [1, 2] } },
};

describe("announcementDigest", () => {
  const digest = announcementDigest(content, [["ann", "bob"]]);

  it("is the same for the same meaning, in whatever order it was said", () => {
    const notification = { data: { b: [1, 2], a: 1 }, text: "Hello" };
    expect(announcementDigest({ ...content, notification }, [["ann"], ["bob"]])).to.equal(digest);
  });

  it("differs with each thing that is said, and with each recipient", () => {
    const others = [
      announcementDigest({ ...content, sender: { userId: "Ops" } }, [["ann", "bob"]]),
      announcementDigest({ ...content, parts: [...content.parts, ...content.parts] }, [["ann", "bob"]]),
      announcementDigest({ ...content, notification: null }, [["ann", "bob"]]),
      announcementDigest({ ...content, priority: "urgent" }, [["ann", "bob"]]),
      announcementDigest({ ...content, schedule: { at: 1 } }, [["ann", "bob"]]),
      announcementDigest({ ...content, notification: { ...content.notification, data: { a: 1, b: [2, 1] } } }, [
        ["ann", "bob"],
      ]),
      announcementDigest(content, [["ann"]]),
      announcementDigest(content, [["annbob"]]),
      announcementDigest(content, [["ann", "bob", "eve"]]),
    ];
    expect(new Set([digest, ...others]).size).to.equal(others.length + 1);
  });
});
