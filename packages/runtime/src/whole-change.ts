/**
 * The update that sets fields of a row whole, and notes beside them what it found: exact, since it is one update. Of the
 * command that comes again it stays what that found at first. For rows with `at`, `by` and `before`.
 */
export function wholeChange(
  fields: Readonly<Record<string, unknown>>,
  { at, by }: { readonly at: number; readonly by: string },
): Record<string, unknown> {
  const names = Object.keys(fields);
  const found = Object.fromEntries(names.map((name) => [name, `$${name}`]));
  const isNew = { $eq: [{ $type: "$by" }, "missing"] };
  const isRepeat = { $eq: ["$by", { $literal: by }] };
  return {
    // Values may look like paths or operators: none of them is one.
    ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, { $literal: value }])),
    at: { $literal: at },
    by: { $literal: by },
    before: { $cond: [isNew, null, { $cond: [isRepeat, { $ifNull: ["$before", null] }, found] }] },
  };
}
