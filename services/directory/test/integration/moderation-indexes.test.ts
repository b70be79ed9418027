import { randomUUID } from "node:crypto";
import { DEFAULT_MODERATION_POLICY } from "@strata/contracts";
import { anAppId, userIds } from "@strata/testing";
import { expect } from "chai";
import { z } from "zod";
import { findBlockers } from "../../src/handlers/blocks.ts";
import { deleteUser } from "../../src/handlers/delete-user.ts";
import { flagUser } from "../../src/handlers/flag-user.ts";
import { getFlag, listFlags, withdrawFlag } from "../../src/handlers/flags.ts";
import {
  getDecision,
  getModeration,
  listModerationQueue,
  simulateModeration,
} from "../../src/handlers/get-moderation.ts";
import { getModerationPolicy, setModerationPolicy } from "../../src/handlers/moderation-policy.ts";
import { reviewDecision, reviewFlags } from "../../src/handlers/review-moderation.ts";
import { aDelivery, openStores, recordingPublisher } from "../support.ts";

const Plans = z.array(
  z.object({ ns: z.string(), planSummary: z.string(), docsExamined: z.number().default(0), command: z.unknown() }),
);

/** How many users besides are flagged, decided about and muted. */
const OTHERS = 120;

describe("everything that moderation asks of the database", () => {
  let stores: Awaited<ReturnType<typeof openStores>>;
  before(async () => {
    stores = await openStores("moderation-indexes");
  });
  after(() => stores[Symbol.asyncDispose]());

  it("walks an index, and looks at no other user's rows", async () => {
    const app = anAppId();
    const at = Date.now();
    const deps = { ...stores, ...recordingPublisher() };
    const of = <P>(payload: P) => aDelivery(payload, { app });
    const others = userIds(OTHERS);
    await stores.identities.makeKnown(app, ["eve", "ann", "bob", "cid", ...others], 1);
    const thresholds = [{ score: 2, actions: [{ kind: "mute" as const, seconds: 600 }, { kind: "webhook" as const }] }];
    await setModerationPolicy(deps)(
      of({ policy: { ...DEFAULT_MODERATION_POLICY, isActive: true, maxFlagsPerHour: 1_000, thresholds }, at }),
    );
    const flag = (userId: string, by: string, message: null | { messageId: string; conversationId: string } = null) =>
      flagUser(deps)(of({ flagId: randomUUID(), userId, by, message, reason: "spam", comment: null, at }));
    for (const userId of others) {
      await flag(userId, "cid");
      await flag(userId, "bob");
    }

    await stores.db.command({ profile: 2 });
    const flagId = randomUUID();
    const spam = { userId: "eve", message: null, reason: "spam", comment: null, at };
    await flagUser(deps)(of({ ...spam, flagId, by: "ann" }));
    await flag("eve", "bob");
    await flag("eve", "cid", { messageId: randomUUID(), conversationId: randomUUID() });
    await getFlag(deps)(of({ flagId }));
    await listFlags(deps)(of({ userId: "eve", after: flagId, limit: 10 }));
    await getModerationPolicy(deps)(of({}));
    const [decision] = await stores.decisions.ofUser(app, "eve");
    const decisionId = decision?.decisionId ?? "";
    await getDecision(deps)(of({ decisionId }));
    await getModeration(deps)(of({ userId: "eve", at }));
    await findBlockers(deps)(of({ checks: [{ senderId: "eve", userIds: ["ann", "bob"] }], withMutes: true }));
    for (const order of ["score", "oldest"] as const) {
      await listModerationQueue(deps)(of({ order, after: null, limit: 5 }));
      await listModerationQueue(deps)(of({ order, after: "eve", limit: 5 }));
    }
    const { policy } = await stores.moderationPolicies.find(app);
    await simulateModeration(deps)(of({ policy, since: at, after: "di", at }));
    await withdrawFlag(deps)(of({ userId: "eve", flagId, at }));
    const review = { verdict: "dismiss" as const, by: "Mia", note: null, at };
    await reviewDecision(deps)(of({ userId: "eve", decisionId, review }));
    await reviewFlags(deps)(of({ userId: "eve", review }));
    await deleteUser(deps)(of({ userId: "ann", at }));
    await deleteUser(deps)(of({ userId: "eve", at }));
    await stores.db.command({ profile: 0 });

    const found = await stores.db
      .collection("system.profile")
      .find({ planSummary: { $exists: true }, ns: { $not: /system\.profile/ } })
      .toArray();
    const plans = Plans.parse(found);
    const namespaces = new Set(plans.map(({ ns }) => ns.split(".").at(-1)));
    expect([...namespaces]).to.include.members(["flags", "moderation_decisions", "moderated_users", "mutes"]);
    expect(plans.filter(({ planSummary }) => planSummary.includes("COLLSCAN"))).to.deep.equal([]);
    // To say how many there are on all pages together, the queue's index is counted; it needs no rows.
    expect(plans.filter(({ docsExamined }) => docsExamined > 12)).to.deep.equal([]);
    expect(
      await stores.db.collection("flags").countDocuments({ app, $or: [{ userId: "eve" }, { by: "eve" }] }),
    ).to.equal(0);
    for (const collection of ["moderation_decisions", "moderated_users", "mutes"]) {
      expect(await stores.db.collection(collection).countDocuments({ app, userId: "eve" }), collection).to.equal(0);
    }
  });
});
