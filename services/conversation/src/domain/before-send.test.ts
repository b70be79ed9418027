import type { BeforeSend, BeforeSendVerdict, MessagePolicy, NewPart, Notification } from "@strata/contracts";
import { aUserId } from "@strata/testing";
import { expect } from "chai";
import { aPart } from "../../test/messages.ts";
import { aBeforeSend, aPolicy, aWordsRule } from "../../test/policies.ts";
import { judgeAsking } from "./before-send.ts";
import { compilePolicy } from "./message-policy.ts";

const byUser = { sender: { userId: aUserId(1) }, authority: "user" } as const;
interface Said {
  readonly parts?: readonly NewPart[];
  readonly notification?: Notification | null;
  readonly verdict?: BeforeSendVerdict | null;
}

const judged = (policy: MessagePolicy, { parts = [aPart("a bad word")], notification = null, ...said }: Said = {}) =>
  judgeAsking(compilePolicy(policy), { ...byUser, parts, notification, ...said });
const heard = (verdict: BeforeSendVerdict, webhook: Partial<BeforeSend> = {}, said: Said = {}) =>
  judged(aPolicy([], { beforeSend: aBeforeSend(webhook) }), { ...said, verdict });
const hit = (action: string, note?: string, isDryRun = false) => ({
  rule: "before_send",
  kind: "before_send",
  action,
  isDryRun,
  ...(note === undefined ? {} : { note }),
});

describe("a policy with a backend that is asked", () => {
  it("asks about what no rule refuses, once, and about nothing that the backend wrote itself", () => {
    const beforeSend = aBeforeSend();
    const policy = aPolicy([aWordsRule(["worse"])], { beforeSend });
    expect(judged(policy).asks).to.deep.equal(beforeSend);
    expect(judged(policy, { parts: [aPart("worse")] }))
      .to.deep.include({ refusedBy: "words" })
      .and.not.have.any.keys("asks");
    expect(judged(policy, { verdict: null })).to.not.have.any.keys("asks");
    expect(judged(policy, { verdict: { outcome: "allow", note: null } })).to.not.have.any.keys("asks");
  });

  it("asks about the messages that it is for", () => {
    const asks = (webhook: Partial<BeforeSend>) =>
      judged(aPolicy([], { beforeSend: aBeforeSend(webhook) })).asks !== undefined;
    expect([
      asks({}),
      asks({ state: "dry_run" }),
      asks({ state: "inactive" }),
      asks({ appliesTo: ["backend", "system"] }),
    ]).to.deep.equal([true, true, false, false]);
    expect(judged(aPolicy([])).asks).to.equal(undefined);
  });

  it("does as it says, and records it with its reason", () => {
    expect(heard({ outcome: "allow", note: null })).to.deep.include({ refusedBy: null, hits: [hit("allow")] });
    expect(heard({ outcome: "flag", note: "odd" })).to.deep.include({ refusedBy: null, hits: [hit("flag", "odd")] });
    const refused = heard({ outcome: "refuse", note: "no" });
    expect(refused).to.deep.include({ refusedBy: "before_send", hits: [hit("refuse", "no")] });
  });

  it("puts its words in the place of what was said, part by part, and leaves uploaded content", () => {
    const content = { contentId: "4e6fa032-b5d3-4c91-9c76-2f418d509e04", size: 3 };
    const parts = [aPart("one"), aPart("two"), { ...aPart(), body: null, content }, aPart("three")];
    const verdict: BeforeSendVerdict = {
      outcome: "replace",
      note: null,
      parts: [null, { mimeType: "text/markdown", body: "2" }, { mimeType: "text/plain", body: "no" }],
      notification: { text: "2" },
    };
    const judgement = heard(verdict, {}, { parts, notification: { text: "two" } });
    expect(judgement.parts).to.deep.equal([
      parts[0],
      { ...parts[1], mimeType: "text/markdown", body: "2" },
      parts[2],
      parts[3],
    ]);
    expect(judgement.notification).to.deep.equal({ text: "2" });
  });

  it("lets no rule be got round by what it says", () => {
    const policy = aPolicy([aWordsRule(["worse"])], { beforeSend: aBeforeSend() });
    const verdict: BeforeSendVerdict = {
      outcome: "replace",
      note: null,
      parts: [{ mimeType: "text/plain", body: "worse" }],
    };
    expect(judged(policy, { verdict }).refusedBy).to.equal("words");
  });

  it("fails open or closed where nobody answers, as it is set", () => {
    const none: BeforeSendVerdict = { outcome: "none", note: "gone" };
    expect(heard(none, { onFailure: "allow" })).to.deep.include({ refusedBy: null, hits: [hit("allow", "gone")] });
    const closed = heard(none, { onFailure: "refuse" });
    // It may be sent again, so it is no refusal that lasts.
    expect(closed).to.deep.include({ refusedBy: null, isUnanswered: true });
  });

  it("only records in a dry run", () => {
    const verdicts: BeforeSendVerdict[] = [
      { outcome: "refuse", note: null },
      { outcome: "none", note: "gone" },
      { outcome: "replace", note: null, parts: [{ mimeType: "text/plain", body: "x" }] },
    ];
    for (const verdict of verdicts) {
      const judgement = heard(verdict, { state: "dry_run", onFailure: "refuse" });
      expect(judgement).to.deep.include({ refusedBy: null, parts: [aPart("a bad word")] });
      expect(judgement.isUnanswered).to.equal(undefined);
      expect(judgement.hits.map(({ isDryRun }) => isDryRun)).to.deep.equal([true]);
    }
  });
});
