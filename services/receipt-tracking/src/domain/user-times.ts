/** When one user's receipts of one announcement say that something happened; null where there is none. */
export interface UserTimes {
  readonly userId: string;
  readonly delivered: number | null;
  readonly read: number | null;
  readonly opened: number | null;
  readonly deleted: number | null;
}

/** By her first receipt but `deleted`: whoever has read it, or opened its push, has it. */
export function deliveredAt({ delivered, read, opened }: UserTimes): number | null {
  const times = [delivered, read, opened].filter((time) => time !== null);
  return times.length === 0 ? null : Math.min(...times);
}

/** Every time at which she did something. */
export const timesOf = ({ delivered, read, opened, deleted }: UserTimes): readonly number[] =>
  [delivered, read, opened, deleted].filter((time) => time !== null);
