import { expect } from "chai";
import { anAndroid } from "../../test/support.ts";
import { PASSED } from "./policy.ts";
import { ChunkRow, isPlanComplete, isToBeSent, notIn, planChunks, settle, type Target, type Verdict } from "./chunk.ts";

const target = (index: number, changes: Partial<Target> = {}): Target => {
  const { platform, kind, token, environment, appBundle } = anAndroid(index);
  const device = { platform, kind, token, environment, appBundle };
  return { ...device, userId: `user-${index}`, deviceId: "phone", registeredAt: 1, dueAt: 0, ...changes };
};
const targets = (count: number): readonly Target[] => Array.from({ length: count }, (_, index) => target(index));

const PLAN = {
  planId: "app/announcement/07/0/000000",
  app: "app",
  subject: { kind: "announcement", id: "announcement" },
  hasNotification: true,
  expiresAt: 1_000_000,
} as const;
const CLAIM = { first: 0, holder: "me", leaseUntil: 500 };
const plan = (members: readonly Target[], claim = CLAIM) =>
  planChunks(PLAN, members, ({ userId }) => (userId.endsWith("0") ? "even" : "odd"), claim);
const chunkOf = (members: readonly Target[]): ChunkRow => {
  const [row] = planChunks(PLAN, members, () => "fcm", CLAIM);
  if (!row) throw new Error("no chunk");
  return row;
};
const unavailable = (retryAfterMs: number): Verdict => ({
  kind: "unavailable",
  reason: "UNAVAILABLE",
  retryAfterMs,
  scope: "push",
  mayHaveArrived: false,
});

describe("planChunks", () => {
  it("settles at once what policies skip, and holds no chunk all of which they have wait", () => {
    const decisions = [
      { ...PASSED, decision: "skip", policy: "muted" },
      { ...PASSED, decision: "wait", policy: "delay", until: Date.now() + 60_000 },
      PASSED,
    ] as const;
    const users = new Map(targets(6).map(({ userId }, index) => [userId, decisions[index % 3] ?? PASSED]));
    const decisionOn = (userId: string) => users.get(userId) ?? PASSED;
    const [mixed] = planChunks(PLAN, targets(6), () => "fcm", CLAIM, decisionOn);
    expect(mixed).to.include({ dueAt: CLAIM.leaseUntil, skipped: 2, accepted: 0 });
    expect(mixed?.pending.map(({ waitsFor }) => waitsFor)).to.deep.equal(["delay", undefined, "delay", undefined]);
    const waiting = targets(6).filter(({ userId }) => decisionOn(userId).decision !== "send");
    const [unheld] = planChunks(PLAN, waiting, () => "fcm", CLAIM, decisionOn);
    expect(unheld?.dueAt).to.equal(decisions[1].until);
  });

  it("cuts at 1,000 devices, and never mixes credentials", () => {
    const rows = planChunks(PLAN, targets(2_500), ({ userId }) => (userId < "user-2" ? "a" : "b"), CLAIM);
    expect(rows.every(({ pending }) => pending.length <= 1_000)).to.equal(true);
    expect(rows.flatMap(({ pending }) => pending)).to.have.lengthOf(2_500);
    expect(rows.map(({ _id }) => _id)).to.deep.equal(rows.map((_, k) => `${PLAN.planId}/000${k}`));
    expect(new Set(rows.map(({ of }) => of))).to.deep.equal(new Set([rows.length]));
    expect(isPlanComplete(rows)).to.equal(true);
    expect(isPlanComplete(rows.slice(1))).to.equal(false);
  });

  it("has a token once, however many devices name it", () => {
    const rows = plan([target(1), target(2, { token: target(1).token })]);
    expect(rows.flatMap(({ pending }) => pending)).to.have.lengthOf(1);
  });

  it("plans behind a broken-off plan only whom it does not have, by device and by token", () => {
    const stored = plan(targets(4)).slice(0, 1);
    const kept = stored.flatMap(({ pending }) => pending);
    const moved = target(99, { token: kept[0]?.token ?? "" });
    const rest = notIn(stored, [...targets(4), moved]);
    expect([...kept, ...rest]).to.have.deep.members([...targets(4)]);
    const rows = plan(rest, { ...CLAIM, first: stored.length });
    expect(isPlanComplete([...stored, ...rows])).to.equal(true);
  });
});

describe("a stored chunk", () => {
  it("is read as it was written", () => {
    const row = chunkOf(targets(2));
    expect(ChunkRow.parse(row)).to.deep.equal(row);
    const subject = { kind: "message", id: "message", conversationId: "conversation" } as const;
    expect(ChunkRow.parse({ ...row, subject })).to.deep.equal({ ...row, subject });
  });

  it("is read as an announcement's where it was stored before messages were pushed", () => {
    const { subject, ...row } = chunkOf(targets(2));
    expect(ChunkRow.parse({ ...row, announcement: subject.id, partition: 7 })).to.deep.equal({ ...row, subject });
  });

  it("is refused without a subject", () => {
    const { subject: _, ...row } = chunkOf(targets(1));
    expect(ChunkRow.safeParse(row).success).to.equal(false);
  });
});

describe("what is to be sent of a chunk", () => {
  it("is what is due at this very moment, or was before", () => {
    const pending = [target(0, { dueAt: 700 }), target(1, { dueAt: 900 })];
    expect([699, 700, 800].map((now) => isToBeSent({ pending }, now))).to.deep.equal([false, true, true]);
    expect(isToBeSent({ pending: [] }, 700)).to.equal(false);
  });

  it("is nothing known of a plan without chunks: it is not complete", () => {
    expect(isPlanComplete([])).to.equal(false);
    expect([isPlanComplete([{ of: 2 }]), isPlanComplete([{ of: 2 }, { of: 2 }])]).to.deep.equal([false, true]);
  });
});

describe("settle", () => {
  it("turns final answers into outcomes, and their counts equal the rows", () => {
    const members = targets(5);
    const verdicts = new Map<Target, Verdict>(
      members.map((member, index) => [
        member,
        [
          { kind: "accepted", providerId: "p" } as const,
          { kind: "rejected", reason: "too_large" } as const,
          { kind: "token-dead", reason: "UNREGISTERED", deadSince: null } as const,
          { kind: "expired" } as const,
          { kind: "skipped", policy: "muted" } as const,
        ][index] ?? unavailable(0),
      ]),
    );
    const settled = settle(chunkOf(members), verdicts, 10);
    expect(settled).to.include({ accepted: 1, failed: 2, skipped: 1, expired: 1, dueAt: null, parked: false });
    expect(settled.pending).to.deep.equal([]);
    expect(settled.outcomes.map(({ reason }) => reason)).to.deep.equal([null, "too_large", "UNREGISTERED", null, null]);
    expect(settled.outcomes[0]).to.deep.include({ user: "user-0", outcome: "accepted", providerId: "p", at: 10 });
  });

  it("keeps who waits for a policy until its time, and forgets which once it waits for a provider", () => {
    const [a] = targets(1);
    if (!a) throw new Error("a target");
    const row = chunkOf([a]);
    const waits = settle(row, new Map([[a, { kind: "deferred", policy: "quiet_hours", until: 700 }]]), 10);
    expect(waits).to.deep.include({ dueAt: 700, outcomes: [], accepted: 0, skipped: 0 });
    expect(waits.pending).to.deep.equal([{ ...a, dueAt: 700, waitsFor: "quiet_hours" }]);
    const [waiting] = waits.pending;
    if (!waiting) throw new Error("pending");
    const again = settle({ ...row, ...waits }, new Map([[waiting, unavailable(5_000)]]), 700);
    expect(again.pending).to.deep.equal([{ ...a, dueAt: 5_700 }]);
  });

  it("keeps who must wait, each with its own time, never past the expiry", () => {
    const members = targets(3);
    const [a, b, c] = members;
    if (!a || !b || !c) throw new Error("three targets");
    const verdicts = new Map<Target, Verdict>([
      [a, unavailable(60_000)],
      [b, unavailable(9_000_000)],
      [c, { kind: "accepted", providerId: null }],
    ]);
    const settled = settle(chunkOf(members), verdicts, 10);
    expect(settled.pending.map(({ dueAt }) => dueAt)).to.deep.equal([60_010, PLAN.expiresAt]);
    expect(settled.dueAt).to.equal(60_010);
  });

  it("parks what a refused credential left, and stays parked until all of it was tried again", () => {
    const members = targets(2);
    const refused: Verdict = { kind: "credential-refused", reason: "InvalidProviderToken" };
    const settled = settle(chunkOf(members), new Map(members.map((member) => [member, refused])), 10);
    expect(settled).to.include({ parked: true, accepted: 0, failed: 0, dueAt: 300_010 });
    expect(settled.pending).to.have.lengthOf(2);
    const parked = { ...chunkOf(members), ...settled };
    const [first] = parked.pending;
    if (!first) throw new Error("pending");
    expect(settle(parked, new Map([[first, { kind: "accepted", providerId: null }]]), 20)).to.include({ parked: true });
  });
});
