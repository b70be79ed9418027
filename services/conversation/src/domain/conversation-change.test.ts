import type { ConversationChange } from "@strata/contracts";
import { anAppId, aUserId, userIds } from "@strata/testing";
import { DomainError } from "@strata/runtime";
import { expect } from "chai";
import * as fc from "fast-check";
import { beginConversation, type ConversationRow } from "./conversation.ts";
import { changeConversation } from "./conversation-change.ts";

const [ann, bea, cem] = [aUserId(1), aUserId(2), aUserId(3)];

const aRow = (changed: Partial<ConversationRow> = {}): ConversationRow => ({
  ...beginConversation({
    app: anAppId(),
    conversationId: "conversation",
    participants: [ann, bea],
    distinct: true,
    metadata: { a: "1" },
    at: 1_000,
    by: "creation",
  }),
  ...changed,
});

const change = (row: ConversationRow, changes: readonly ConversationChange[], maxParticipants = 3, maxBytes = 100) =>
  changeConversation(
    row,
    changes,
    { maxParticipants, maxMetadataBytes: maxBytes },
    {
      by: "change",
      at: 2_000,
    },
  );

const refusedProperty = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error instanceof DomainError ? error.details["property"] : error;
  }
};

const add = (userId: string) => ({ kind: "add-participant", userId }) as const;
const remove = (userId: string) => ({ kind: "remove-participant", userId }) as const;
const set = (...path: string[]) => ({ kind: "set-metadata", path, value: "2" }) as const;

describe("a change of a conversation", () => {
  it("applies in order: the last word on one user counts", () => {
    const row = change(aRow(), [add(cem), remove(ann), add(ann)]);
    expect(row).to.deep.include({ participants: [bea, cem, ann], version: 2 });
    expect(row?.lastChange).to.deep.equal({
      by: "change",
      at: 2_000,
      position: 0,
      added: [cem],
      removed: [],
      isMetadataChanged: false,
      isFollowed: false,
    });
  });

  it("is none where everybody was there already, nobody was, and the metadata says so already", () => {
    const said: ConversationChange = { kind: "set-metadata", path: ["a"], value: "1" };
    expect(change(aRow(), [add(ann), remove(cem), said])).to.equal(null);
    expect(change(aRow(), [add(cem), remove(cem)])).to.equal(null);
    expect(change(aRow(), [])).to.equal(null);
  });

  it("makes a distinct conversation of other people distinct no longer, and stays so", () => {
    const changed = change(aRow(), [add(cem)]);
    expect(changed).to.include({ distinct: false }).and.not.have.property("distinctKey");
    expect(changed && change(changed, [remove(cem)])).to.include({ distinct: false });
  });

  it("leaves it distinct where only its metadata or the order of its people is another", () => {
    const row = aRow();
    expect(change(row, [set("b")])).to.include({ distinct: true, distinctKey: row.distinctKey, version: 2 });
    const reordered = change(row, [{ kind: "set-participants", userIds: [bea, ann, bea] }]);
    expect(reordered).to.deep.include({ participants: [bea, ann], distinct: true, distinctKey: row.distinctKey });
    expect(reordered?.lastChange).to.deep.include({ added: [], removed: [] });
  });

  it("may empty a conversation by removing everybody", () => {
    expect(change(aRow(), [remove(ann), remove(bea)])).to.deep.include({ participants: [] });
  });

  it("is refused as a whole with the property that is at fault", () => {
    expect(refusedProperty(() => change(aRow(), [add(cem), set("a", "b")]))).to.equal("metadata.a.b");
    expect(refusedProperty(() => change(aRow(), [{ kind: "delete-metadata", path: ["a", "b"] }]))).to.equal(
      "metadata.a.b",
    );
    const everybody = { kind: "set-participants", userIds: userIds(4) } as const;
    expect(refusedProperty(() => change(aRow(), [everybody]))).to.equal("participants");
    expect(refusedProperty(() => change(aRow(), [set("b")], 3, 10))).to.equal("metadata");
    const deep = Array.from({ length: 65 }, () => "a");
    expect(refusedProperty(() => change(aRow({ metadata: {} }), [set(...deep)]))).to.be.a("string");
  });

  it("may pass a limit on its way, and shrink what was beyond a limit before that was lowered", () => {
    expect(change(aRow(), [add(cem), remove(ann)], 2)).to.deep.include({ participants: [bea, cem] });
    const crowd = aRow({ participants: userIds(5) });
    expect(change(crowd, [remove(ann)], 2)).to.deep.include({ participants: userIds(5).slice(1) });
    const wordy = aRow({ metadata: { a: "1", b: "2" } });
    expect(change(wordy, [{ kind: "delete-metadata", path: ["b"] }], 3, 5)).to.deep.include({ metadata: { a: "1" } });
  });

  it("says exactly who came and who went, has nobody twice, and moves nobody when it is made again", () => {
    const user = fc.constantFrom(...userIds(5));
    const step: fc.Arbitrary<ConversationChange> = fc.oneof(
      fc.record({ kind: fc.constant("add-participant" as const), userId: user }),
      fc.record({ kind: fc.constant("remove-participant" as const), userId: user }),
      fc.record({ kind: fc.constant("set-participants" as const), userIds: fc.array(user, { minLength: 1 }) }),
      fc.record({ kind: fc.constant("set-metadata" as const), path: fc.tuple(fc.string()), value: fc.string() }),
      fc.record({ kind: fc.constant("delete-metadata" as const), path: fc.array(fc.string(), { maxLength: 1 }) }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const row = aRow();
        const changed = change(row, steps, 5, 10_000);
        if (!changed) return;
        const { participants, lastChange } = changed;
        const { added, removed } = lastChange;
        expect(new Set(participants)).to.have.property("size", participants.length);
        const stayed = row.participants.filter((userId) => !removed.includes(userId));
        expect([...stayed, ...added]).to.have.members(participants);
        expect(row.participants).to.include.members([...removed]);
        expect(added.filter((userId) => row.participants.includes(userId))).to.deep.equal([]);
        // Only the order of those who go and come again within it may be another.
        const nothing = { added: [], removed: [], isMetadataChanged: false };
        expect(change(changed, steps, 5, 10_000)?.lastChange ?? nothing).to.deep.include(nothing);
      }),
    );
  });
});
