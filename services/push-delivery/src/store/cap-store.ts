import { Millis, type PushCap } from "@strata/contracts";
import { isDuplicateKey } from "@strata/runtime";
import type { AnyBulkWriteOperation, Db, Document } from "mongodb";
import { z } from "zod";
import { type CapQuestion, capsOf, windowMs } from "../domain/caps.ts";
import { userKey } from "../domain/device.ts";
import type { Facts } from "../domain/policy.ts";

/** The pushes that count under one user's caps. */
const CapRow = z.object({
  /** `<app>/<partition>/<user, URL-encoded>/` */
  _id: z.string(),
  taken: z.array(z.object({ subject: z.string(), category: z.string(), at: Millis })),
});
type CapRow = z.infer<typeof CapRow> & { readonly removeAt?: Date };

type Caps = NonNullable<Facts["caps"]>;

export interface CapsAsked {
  readonly app: string;
  /** Which push; null: one that nobody has pushed yet. */
  readonly subject: string | null;
  readonly users: readonly CapQuestion[];
  /** Of all categories together. */
  readonly all: PushCap | null;
  readonly now: number;
  /** For how long places are remembered. */
  readonly keptMs: number;
}

export interface CapStore {
  /**
   * Takes a place for a push under both of each user's caps, or under none. Whoever asks for the same push again has the
   * place that it took; of many who ask at once no more get one than there are.
   */
  take(asked: CapsAsked & { readonly subject: string }): Promise<ReadonlyMap<string, Caps>>;
  /** Only looks. */
  look(asked: CapsAsked): Promise<ReadonlyMap<string, Caps>>;
  /** The places that a user's pushes have taken, as far as they are remembered. */
  takenBy(app: string, userId: string): Promise<CapRow["taken"]>;
  /** Of a user who was deleted: those that were taken until then. Bears being repeated. */
  forget(app: string, userId: string, at: number): Promise<void>;
  ensureIndexes(): Promise<void>;
}

/** A bound on a row of one user, far above what anybody is pushed: the oldest places are forgotten beyond it. */
const MAX_PLACES = 5_000;
/** Two processes made the row of a new user at once. */
const ATTEMPTS = 5;

export function mongoCapStore(db: Db): CapStore {
  const rows = db.collection<CapRow>("push_caps");

  const look = async ({ app, subject, users, all, now }: CapsAsked): Promise<ReadonlyMap<string, Caps>> => {
    const keys = users.map(({ userId }) => userKey(app, userId));
    const found = await rows.find({ _id: { $in: keys } }, { batchSize: keys.length + 1 }).toArray();
    const taken = new Map(found.map((row) => [row._id, CapRow.parse(row).taken]));
    return new Map(
      users.map((user) => [user.userId, capsOf(taken.get(userKey(app, user.userId)) ?? [], subject, user, all, now)]),
    );
  };

  const takePlaces = async (asked: CapsAsked & { readonly subject: string }): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await rows.bulkWrite(
          asked.users.map((user) => takingOf(asked, user)),
          { ordered: false },
        );
        return;
      } catch (error) {
        // What was taken meanwhile is found by whoever takes it again.
        if (!isDuplicateKey(error) || attempt === ATTEMPTS) throw error;
      }
    }
  };

  return {
    look,
    async take(asked) {
      const answers = new Map<string, Caps>();
      for (let users = asked.users, attempt = 1; users.length > 0; attempt += 1) {
        await takePlaces({ ...asked, users });
        const seen = await look({ ...asked, users });
        for (const [userId, caps] of seen)
          answers.set(userId, attempt < ATTEMPTS ? caps : withoutRoom(caps, asked.now));
        users = users.filter(({ userId }) => isUnsettled(seen.get(userId)));
      }
      return answers;
    },
    async takenBy(app, userId) {
      const row = await rows.findOne({ _id: userKey(app, userId) });
      return row ? CapRow.parse(row).taken : [];
    },
    async forget(app, userId, at) {
      const _id = userKey(app, userId);
      await rows.updateOne({ _id }, { $pull: { taken: { at: { $lte: at } } } });
      await rows.deleteOne({ _id, taken: [] });
    },
    async ensureIndexes() {
      await rows.createIndex({ removeAt: 1 }, { expireAfterSeconds: 0 });
    },
  };
}

/** There was no place, and by now there is one: somebody whose clock is ahead has dropped what this one still counted. */
const isUnsettled = (caps: Caps | undefined): boolean =>
  caps !== undefined && !caps.hasPlace && [caps.category, caps.all].every((use) => (use?.freeAt ?? null) === null);

/** Nobody is pushed to without a place. */
const withoutRoom = (caps: Caps, now: number): Caps =>
  isUnsettled(caps)
    ? {
        ...caps,
        category: caps.category && { ...caps.category, freeAt: now },
        all: caps.all && { ...caps.all, freeAt: now },
      }
    : caps;

/** One update, in which nothing of another can come in between: what is too old goes, and this comes where there is room. */
function takingOf(
  { app, subject, all, now, keptMs }: CapsAsked & { readonly subject: string },
  { userId, category, categoryCap }: CapQuestion,
): AnyBulkWriteOperation<CapRow> {
  const literal = { subject: { $literal: subject }, category: { $literal: category }, at: now };
  const isIn = (cap: PushCap) => ({ $gt: ["$$this.at", now - windowMs(cap)] });
  const room = [
    ...(all === null ? [] : [hasRoom(all, isIn(all))]),
    ...(categoryCap === null
      ? []
      : [hasRoom(categoryCap, { $and: [{ $eq: ["$$this.category", literal.category] }, isIn(categoryCap)] })]),
  ];
  const withThis = { $slice: [{ $concatArrays: ["$taken", [literal]] }, -MAX_PLACES] };
  const kept = { input: { $ifNull: ["$taken", []] }, cond: { $gt: ["$$this.at", now - keptMs] } };
  const isTaken = { $in: [literal.subject, "$taken.subject"] };
  const update: Document[] = [
    { $set: { taken: { $filter: kept }, removeAt: new Date(now + keptMs) } },
    { $set: { taken: { $cond: [{ $and: [{ $not: [isTaken] }, ...room] }, withThis, "$taken"] } } },
  ];
  return { updateOne: { filter: { _id: userKey(app, userId) }, update, upsert: true } };
}

const hasRoom = ({ pushes }: PushCap, cond: object): object => ({
  $lt: [{ $size: { $filter: { input: "$taken", cond } } }, pushes],
});
