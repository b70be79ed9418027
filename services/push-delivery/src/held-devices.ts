import { type ChunkRow, settle, type Verdict } from "./domain/chunk.ts";
import type { DeviceStore } from "./store/device-store.ts";

const REMOVED: Verdict = { kind: "failed", reason: "device_removed" };

/**
 * The row with its devices as they are registered now. While a push waits, its user may log out of the phone and another
 * log in there: nothing of hers may appear on it any more. Where she has another token by now, it goes there.
 */
export async function withHeldDevices(
  { devices }: { readonly devices: Pick<DeviceStore, "asRegistered"> },
  row: ChunkRow,
): Promise<ChunkRow> {
  const registered = await devices.asRegistered(row.app, row.pending);
  const removed = row.pending.filter((_, index) => registered[index] === null);
  const settled = settle(row, new Map(removed.map((target) => [target, REMOVED])), Date.now());
  return { ...row, ...settled, pending: registered.filter((target) => target !== null) };
}
