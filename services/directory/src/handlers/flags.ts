import {
  type EmptyReply,
  FlagWithdrawn,
  type GetFlag,
  type ListFlags,
  type PayloadOf,
  type ReplyOf,
  type WithdrawFlag,
} from "@strata/contracts";
import { ack, type Delivery, type Outcome, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { flagOf } from "../domain/flag.ts";
import { countFlags, type JudgingDeps } from "../moderating/judge.ts";

/** Takes a flag back. The row stays, so that what a person said of it is not undone by making it again. */
export const withdrawFlag =
  (deps: JudgingDeps) =>
  async (delivery: Delivery<PayloadOf<typeof WithdrawFlag>>): Promise<Outcome<EmptyReply>> => {
    const { app, id, payload } = delivery;
    const { userId, flagId, at } = payload;
    const { flags, publisher } = deps;
    let row = await flags.find(app, flagId);
    if (row?.userId !== userId) return refuse(new DomainError("not_found"));
    if (row.state !== "withdrawn") {
      row = await flags.change(row, { state: "withdrawn", stateBefore: row.state, changedAt: at }, id);
    } else if (row.changedBy !== id) {
      return refuse(new DomainError("not_found"));
    }
    const { by, messageId, reason, version, changedAt } = row;
    await publisher.emit(
      FlagWithdrawn,
      app,
      { flagId, userId, by, messageId, reason, version, at: changedAt },
      { id: `${id}.flag`, cause: delivery, subjectVersion: version },
    );
    await countFlags(deps, delivery, payload);
    return ack;
  };

/** One flag, by its id alone. */
export const getFlag =
  ({ flags }: Pick<JudgingDeps, "flags">) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof GetFlag>>): Promise<Outcome<ReplyOf<typeof GetFlag>>> => {
    const row = await flags.find(app, payload.flagId);
    return reply({ flag: row && flagOf(row) });
  };

/** A user's flags, the newest first. */
export const listFlags =
  ({ flags }: Pick<JudgingDeps, "flags">) =>
  async ({ app, payload }: Delivery<PayloadOf<typeof ListFlags>>): Promise<Outcome<ReplyOf<typeof ListFlags>>> => {
    const { userId, after, limit } = payload;
    const from = after === null ? null : await flags.find(app, after);
    const isOfList = after === null || (from?.userId === userId && from.state !== "withdrawn");
    if (!isOfList) return reply({ flags: null, total: 0 });
    const [rows, total] = await Promise.all([flags.list(app, userId, from, limit), flags.count(app, userId)]);
    return reply({ flags: rows.flatMap((row) => flagOf(row) ?? []), total });
  };
