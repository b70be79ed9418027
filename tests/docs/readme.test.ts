import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startPlatform } from "@strata/tests-platform";
import { expect } from "chai";
import { z } from "zod";

const run = promisify(execFile);

const Created = z.object({ id: z.string(), recipients: z.array(z.string()) });
const Inbox = z.array(z.object({ id: z.string(), parts: z.array(z.object({ body: z.string() })) }));
const Message = z.object({ id: z.string() });
const Conversations = z.array(z.object({ id: z.string(), unread_message_count: z.number() }));
const Messages = z.array(z.object({ id: z.string(), is_unread: z.boolean(), parts: z.array(z.unknown()) }));
const Standing = z.object({ id: z.string(), counts: z.record(z.string(), z.unknown()) });

/** What a newcomer pastes: the block of shell below the heading. */
async function firstFiveMinutes(): Promise<string> {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, block = ""] = /## The first five minutes[^]*?```sh\n([^]*?)```/.exec(readme) ?? [];
  return block;
}

describe("the README's first five minutes", function pasted() {
  this.timeout(60_000);

  // A bare Debian has no curl, and needs none but for this.
  before(async function hasCurl() {
    await run("curl", ["--version"]).catch(() => this.skip());
  });

  it("announce, read an inbox, show counts and send a card into a conversation, as they are pasted", async () => {
    await using platform = await startPlatform("readme");
    const { appId, token } = await platform.createApp();
    await platform.insertUsers(appId, ["strata", "user-0001", "user-0002"]);
    const folder = await mkdtemp(join(tmpdir(), "strata-readme-"));
    await mkdir(join(folder, ".strata"));
    await writeFile(join(folder, ".strata/dev.json"), JSON.stringify({ baseUrl: platform.baseUrl, appId, token }));

    const { stdout } = await run("bash", ["-euo", "pipefail", "-c", await firstFiveMinutes()], { cwd: folder });
    const [created, inbox, standing, delivered, sent, conversations, messages] = stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line): unknown => JSON.parse(line));
    const { id, recipients } = Created.parse(created);
    expect(recipients).to.have.lengthOf(3);
    expect(Inbox.parse(inbox)).to.have.lengthOf(1);
    expect(Inbox.parse(inbox)[0]).to.deep.include({ id });
    expect(Standing.parse(standing)).to.deep.include({ id });
    expect(Standing.parse(standing).counts).to.include({ recipients: 3, unknown: 1, sent: 2 });
    // Nobody here has a phone that answers.
    expect(delivered).to.deep.equal([]);
    const { id: messageId } = Message.parse(sent);
    expect(Conversations.parse(conversations)).to.have.lengthOf(1);
    expect(Conversations.parse(conversations)[0]).to.include({ unread_message_count: 1 });
    const [message] = Messages.parse(messages);
    expect(message).to.include({ id: messageId, is_unread: true });
    expect(message?.parts).to.have.lengthOf(2);
    await rm(folder, { recursive: true });
  });
});
