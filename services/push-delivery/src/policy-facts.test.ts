import {
  DEFAULT_PUSH_POLICY,
  FindAnnouncementReaders,
  FindBlockers,
  FindMessageReaders,
  FindOnlineUsers,
  FindPushFacts,
  NO_PREFERENCES,
  type PushPolicy,
  type PushPreferences,
  type PushRules,
} from "@strata/contracts";
import type { Client } from "@strata/messaging";
import { anAppId, userIds } from "@strata/testing";
import { expect } from "chai";
import type { PolicedPush } from "./domain/policy.ts";
import { type FactsAsked, NO_FACTS, policyFacts } from "./policy-facts.ts";

const PUSH: PolicedPush = {
  category: "news",
  isUrgent: false,
  isSilent: false,
  isFollowUp: false,
  at: 1_000,
  expiresAt: 2_000,
};
const ID = "6f0e1c52-5d6b-4b2f-9c1d-0a6a4f0b7e11";
const WHERE = "directory.FindPushFacts";
const READ = "receipt-tracking.FindAnnouncementReaders";
const READ_MESSAGE = "conversation.FindMessageReaders";
const BLOCKS = "directory.FindBlockers";
const SOCKETS = "realtime.FindOnlineUsers";
const QUIET = { from: "22:00", to: "07:00" };

interface Given {
  readonly rules?: Partial<PushRules>;
  readonly policy?: Partial<PushPolicy>;
  readonly push?: Partial<PolicedPush>;
  readonly wants?: Partial<PushPreferences>;
  readonly subject?: FactsAsked["subject"];
  readonly senderId?: string;
  readonly users?: readonly string[];
}

/** Services that know everybody: each is in Tokyo, was there at 5, has read everything and blocks everyone. */
function knowingAll() {
  const asked: { readonly of: string; readonly users: readonly string[] }[] = [];
  const note = (of: string, users: readonly string[]) => asked.push({ of, users });
  const client: Pick<Client, "ask"> = {
    async ask(query, _app, payload) {
      const of = query.type.replace(/\.v1$/, "");
      if (query.type === FindPushFacts.type) {
        const { userIds: users } = FindPushFacts.payload.parse(payload);
        note(of, users);
        const facts = users.map((userId) => ({ userId, timeZone: "Asia/Tokyo", lastSeenAt: 5 }));
        return query.reply.parse({ facts });
      }
      if (query.type === FindBlockers.type) {
        const { checks } = FindBlockers.payload.parse(payload);
        for (const check of checks) note(of, check.userIds);
        return query.reply.parse({ blockers: checks.map((check) => check.userIds) });
      }
      if (query.type === FindOnlineUsers.type) {
        const { userIds: users } = FindOnlineUsers.payload.parse(payload);
        note(of, users);
        return query.reply.parse({ online: users });
      }
      const isMessage = query.type === FindMessageReaders.type;
      const { userIds: users } = (isMessage ? FindMessageReaders : FindAnnouncementReaders).payload.parse(payload);
      note(of, users);
      return query.reply.parse({ userIds: users });
    },
  };
  return { asked, client };
}

async function factsFor({ rules, policy, push, wants, subject, senderId, users = ["ann"] }: Given) {
  const { asked, client } = knowingAll();
  const pushed = { ...PUSH, ...push };
  const preferences = { ...NO_PREFERENCES, ...wants };
  const factsOf = await policyFacts(client, {
    app: anAppId(),
    subject: subject ?? { kind: "announcement", id: ID },
    senderId: senderId ?? null,
    policy: { ...DEFAULT_PUSH_POLICY, rules: { ...DEFAULT_PUSH_POLICY.rules, ...rules }, ...policy },
    pushes: new Map(users.map((userId) => [userId, pushed])),
    wishes: wants ? new Map(users.map((userId) => [userId, { preferences, isSuspended: false }])) : new Map(),
  });
  return { asked, factsOf };
}
const askedFor = async (given: Given) => (await factsFor(given)).asked.map(({ of }) => of);

const urgent = { isUrgent: true };
const unseen = [{ isSilent: true }, { isFollowUp: true }];

describe("the facts that policies need", () => {
  it("are none where nothing is decided by them", async () => {
    const { asked, factsOf } = await factsFor({});
    expect(asked).to.deep.equal([]);
    expect(factsOf("ann")).to.equal(NO_FACTS);
  });

  it("are where she is and was, for quiet hours unless she says so herself, and for who is online", async () => {
    const policy = { quietHours: QUIET };
    expect(await askedFor({ policy })).to.deep.equal([WHERE]);
    expect(await askedFor({ wants: { quietHours: QUIET } })).to.deep.equal([WHERE]);
    expect(await askedFor({ policy, wants: { timeZone: "UTC" } })).to.deep.equal([]);
    expect(await askedFor({ policy, push: urgent })).to.deep.equal([]);
    expect(await askedFor({ policy, rules: { inQuietHours: "push" } })).to.deep.equal([]);
    const rules = { isSkippedOnline: true };
    expect(await askedFor({ rules, wants: { timeZone: "UTC" }, push: urgent })).to.deep.equal([WHERE, SOCKETS]);
    expect((await factsFor({ rules })).factsOf("ann")).to.include({ hasSocket: true });
    for (const push of unseen) expect(await askedFor({ policy, rules, push })).to.deep.equal([]);
    const { factsOf } = await factsFor({ policy });
    expect(factsOf("ann")).to.include({ timeZone: "Asia/Tokyo", lastSeenAt: 5, hasRead: false });
  });

  it("are who has read it, of an announcement or a message that there is, where reading counts", async () => {
    const rules = { isSkippedRead: true };
    expect(await askedFor({ rules })).to.deep.equal([READ]);
    expect(await askedFor({ rules, push: urgent })).to.deep.equal([READ]);
    expect(await askedFor({ rules, subject: { kind: "message", id: ID } })).to.deep.equal([READ_MESSAGE]);
    expect(await askedFor({ rules, subject: { kind: "notification", id: ID } })).to.deep.equal([]);
    expect(await askedFor({ rules, subject: { kind: "announcement", id: null } })).to.deep.equal([]);
    for (const push of unseen) expect(await askedFor({ rules, push })).to.deep.equal([]);
    const escalated = { unreadAfterMinutes: 10 };
    expect(await askedFor({ rules: escalated })).to.deep.equal([READ]);
    expect(await askedFor({ rules: escalated, push: urgent })).to.deep.equal([]);
    expect((await factsFor({ rules })).factsOf("ann")).to.include({ hasRead: true, timeZone: null });
  });

  it("are who blocks its sender, where a user sends it, and not of what follows", async () => {
    const senderId = "troll";
    expect(await askedFor({ senderId })).to.deep.equal([BLOCKS]);
    expect(await askedFor({ senderId, push: { isSilent: true } })).to.deep.equal([BLOCKS]);
    expect(await askedFor({ senderId, push: { isFollowUp: true } })).to.deep.equal([]);
    expect((await factsFor({ senderId })).factsOf("ann")).to.include({ isBlockingSender: true });
  });

  it("are asked of everybody once, and of no more than 1,000 together", async () => {
    const users = userIds(2_500);
    const { asked, factsOf } = await factsFor({ users, senderId: "troll", policy: { quietHours: QUIET } });
    for (const question of [WHERE, BLOCKS]) {
      const some = asked.filter(({ of }) => of === question).map((one) => one.users);
      expect(some.map(({ length }) => length)).to.deep.equal([1_000, 1_000, 500]);
      expect(some.flat()).to.deep.equal([...users]);
    }
    for (const userId of users) expect(factsOf(userId)).to.include({ isBlockingSender: true, timeZone: "Asia/Tokyo" });
  });
});
