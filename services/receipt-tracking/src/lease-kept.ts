import { type DirtyRows, LEASE_MS, type Leased } from "./store/dirty-rows.ts";

/** The same pages, with the lease renewed on the way; another process derives on where it was lost. */
export async function* leaseKept<T>(
  pages: AsyncIterable<T>,
  leased: Leased,
  rows: Pick<DirtyRows<never>, "renew">,
): AsyncIterable<T> {
  let renewedAt = Date.now();
  for await (const page of pages) {
    if (Date.now() - renewedAt > LEASE_MS / 2) {
      renewedAt = Date.now();
      if (!(await rows.renew(leased))) throw new Error(`the lease on ${leased.key} was lost while counting`);
    }
    yield page;
  }
}
