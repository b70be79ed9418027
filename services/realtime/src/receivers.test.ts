import { FindParticipants, ListFollowers } from "@strata/contracts";
import type { Client } from "@strata/messaging";
import { anAppId, userIds } from "@strata/testing";
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import type { Told } from "./domain/entries.ts";
import { findReceivers } from "./receivers.ts";

const told = (to: Told["to"]): Told => ({ change: { kind: "identity-changed", userId: "ann" }, to });

/** The other services' answers, read by their contracts, with what was asked of whom. */
function answering(participants: ReadonlyMap<string, readonly string[]>, followers: readonly string[] = []) {
  const asked: unknown[] = [];
  const client: Pick<Client, "ask"> = {
    async ask(query, app, payload) {
      asked.push([query.name, app]);
      const answer = (): unknown => {
        if (query.name === FindParticipants.name) {
          const { conversationIds } = FindParticipants.payload.parse(payload);
          return {
            found: conversationIds.flatMap((conversationId) => {
              const found = participants.get(conversationId);
              return found ? [{ conversationId, participants: found }] : [];
            }),
          };
        }
        const { after, limit } = ListFollowers.payload.parse(payload);
        const start = after === null ? 0 : followers.indexOf(after) + 1;
        return { followers: followers.slice(start, start + limit) };
      };
      return query.reply.parse(answer());
    },
  };
  return { client, asked };
}

describe("findReceivers", () => {
  const app = anAppId();

  it("names each of them once, those of the event first; conversations that are gone have none", async () => {
    const [here, gone] = [randomUUID(), randomUUID()];
    const { client, asked } = answering(new Map([[here, ["ann", "bob"]]]));
    const found = await findReceivers(client)(app, [
      told({ users: ["bob", "cid"], participantsOf: here }),
      told({ users: [], participantsOf: here }),
      told({ users: [], participantsOf: gone }),
      told({ users: ["eve", "eve"] }),
    ]);
    expect(found).to.deep.equal([["bob", "cid", "ann"], ["ann", "bob"], [], ["eve"]]);
    expect(asked).to.deep.equal([["FindParticipants", app]]);
  });

  it("asks nobody about events that name everybody themselves", async () => {
    const { client, asked } = answering(new Map());
    expect(await findReceivers(client)(app, [told({ users: ["ann"] })])).to.deep.equal([["ann"]]);
    expect(asked).to.deep.equal([]);
  });

  it("asks about many conversations in several questions, none too long", async () => {
    const ids = Array.from({ length: 1_001 }, () => randomUUID());
    const { client, asked } = answering(new Map(ids.map((id, n) => [id, [`user-${n}`]])));
    const found = await findReceivers(client)(
      app,
      ids.map((id) => told({ users: [], participantsOf: id })),
    );
    expect(found).to.deep.equal(ids.map((_, n) => [`user-${n}`]));
    expect(asked).to.have.lengthOf(3);
  });

  it("pages through followers to their end, and no further than a user has who is known to all", async () => {
    for (const [count, questions, expected] of [
      [0, 1, 0],
      [999, 1, 999],
      [1_000, 2, 1_000],
      [2_500, 3, 2_500],
      [12_000, 10, 10_000],
    ] as const) {
      const followers = userIds(count);
      const { client, asked } = answering(new Map(), followers);
      const [found] = await findReceivers(client)(app, [told({ users: ["star"], followersOf: "star" })]);
      expect(found).to.deep.equal(["star", ...followers.slice(0, expected)]);
      expect(asked, `${count} followers`).to.have.lengthOf(questions);
    }
  });
});
