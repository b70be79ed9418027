import { randomBytes } from "node:crypto";
import { signContentTicket } from "@strata/contracts";
import { eventually, missingForS3, S3_INSTALL_TIMEOUT_MS, type S3Server, startS3 } from "@strata/testing";
import { expect } from "chai";
import { content } from "./content.suite.ts";
import { expectStatus, member, uuidOf } from "./support/api-client.ts";
import { openWorld, type Platform, PUBLIC_URL, startPlatform, type World } from "./support/world.ts";

const SOON_MS = 1_500;

/** Where a URL of ours sends who downloads. */
const storageUrl = async (url: string): Promise<URL> => {
  const response = await fetch(url, { redirect: "manual" });
  expect(response.status).to.be.within(302, 307);
  return new URL(response.headers.get("location") ?? "");
};

/** The whole of Strata with its content in a bucket: the same API as with content in the database, and what is different. */
function contentInS3(): void {
  const key = randomBytes(32);
  let s3: S3Server;
  let platform: Platform;
  let opened: World;
  const world = (): World => opened;
  before(async () => {
    s3 = await startS3();
    const soon = { PURGE_INTERVAL_MS: "100", CONTENT_SWEEP_INTERVAL_MS: "100" };
    const CONTENT_KEY = key.toString("base64");
    platform = await startPlatform("content-s3", {
      env: { gateway: { CONTENT_KEY }, conversation: { ...s3.env, CONTENT_KEY, ...soon } },
    });
    opened = await openWorld(platform);
  });
  after(async () => {
    await platform?.[Symbol.asyncDispose]();
    await s3?.[Symbol.asyncDispose]();
  });

  const here = (url: unknown): string => String(url).replace(PUBLIC_URL, platform.baseUrl);
  const ticket = (contentId: string, lifeMs: number): string => {
    const expiresAt = Date.now() + lifeMs;
    const signed = { app: world().appId, contentId, allows: "download", expiresAt, origin: null } as const;
    return `${platform.baseUrl}/content/${signContentTicket(key, signed)}`;
  };

  content(world);

  describe("in a bucket", () => {
    let conversation: string;
    beforeEach(async () => {
      conversation = await world().conversation(await world().users(1));
    });
    const uploaded = async (bytes: Buffer<ArrayBuffer>): Promise<string> => {
      const announced = await world().api("POST", `/conversations/${conversation}/content`, {
        headers: { "Upload-Content-Type": "image/png", "Upload-Content-Length": String(bytes.length) },
      });
      const put = await fetch(here(member(announced.json, "upload_url")), { method: "PUT", body: bytes });
      expect([200, 201]).to.include(put.status);
      return uuidOf(announced.json);
    };
    const refreshed = async (contentId: string): Promise<string> => {
      const reply = await world().api("GET", `/conversations/${conversation}/content/${contentId}`);
      return here(member(expectStatus(reply, 200).json, "download_url"));
    };

    it("is where the bytes are, and who downloads gets them from there, whole or in part, for an hour", async () => {
      const bytes = randomBytes(200_000);
      const contentId = await uploaded(bytes);
      expect(await s3.keys(world().appId)).to.include(`${world().appId}/${contentId}`);
      const url = await storageUrl(await refreshed(contentId));
      expect(url.origin).to.equal(new URL(s3.env["S3_ENDPOINT"] ?? "").origin);
      expect(Number(url.searchParams.get("X-Amz-Expires"))).to.be.within(3_000, 3_600);
      const whole = await fetch(url);
      expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).to.equal(true);
      const part = await fetch(url, { headers: { Range: "bytes=100-199" } });
      expect(part.status).to.equal(206);
      expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(100, 200))).to.equal(true);
    });

    it("takes no URL that nobody signed", async () => {
      const contentId = await uploaded(randomBytes(10));
      const url = await storageUrl(await refreshed(contentId));
      url.searchParams.set("X-Amz-Expires", "86400");
      expect((await fetch(url)).status).to.equal(403);
      expect((await fetch(`${url.origin}${url.pathname}`)).status).to.equal(403);
    });

    it("forgets a URL when ours has run out, and a refreshed one brings the bytes again", async () => {
      const bytes = randomBytes(10);
      const contentId = await uploaded(bytes);
      expect((await fetch(ticket(contentId, -1))).status).to.be.within(400, 499);
      const ending = ticket(contentId, SOON_MS);
      const url = await storageUrl(ending);
      expect((await fetch(url)).status).to.equal(200);
      // The storage counts in whole seconds, so its own URL may end before the one that led to it.
      for (const ended of [url, ending]) {
        await eventually(
          async () => (await fetch(ended)).status,
          (status) => status >= 400,
          { deadlineMs: 10_000 },
        );
      }
      const again = await fetch(await refreshed(contentId));
      expect(Buffer.from(await again.arrayBuffer()).equals(bytes)).to.equal(true);
    });

    it("is emptied of what belongs to a conversation that is deleted", async () => {
      const objectKey = `${world().appId}/${await uploaded(randomBytes(10))}`;
      expect(await s3.keys(objectKey)).to.deep.equal([objectKey]);
      expectStatus(await world().api("DELETE", `/conversations/${conversation}`), 204);
      await eventually(() => s3.keys(objectKey), [], { deadlineMs: 20_000 });
    });
  });
}

const missing = await missingForS3();
describe(`the Server API with content in an S3 bucket${missing === null ? "" : ` ${missing}`}`, function s3Content() {
  this.timeout(S3_INSTALL_TIMEOUT_MS);
  if (missing === null) contentInS3();
  else it("creates, uploads, refreshes, downloads and removes content");
});
