// push-delivery with a planted fault: chunks are stored with their pushes accepted already, and sent afterwards. Killed in
// between, devices are missed that the ledger calls reached. It exists to show that the kill test would notice such a build.
import { Collection, type OptionalId } from "mongodb";

interface Target {
  readonly userId: string;
  readonly deviceId: string;
  readonly platform: "ios" | "android";
}
interface Chunk {
  readonly pending?: readonly Target[];
}

// oxlint-disable-next-line typescript/unbound-method -- called with `this` below
const insertMany = Collection.prototype.insertMany;
Collection.prototype.insertMany = async function settleFirst(this: Collection, documents, options) {
  const rows = this.collectionName === "push_chunks" ? documents.map(settled) : documents;
  return insertMany.call(this, rows, options);
};

function settled(chunk: OptionalId<Chunk>): OptionalId<Chunk> {
  const { pending = [] } = chunk;
  const outcomes = pending.map(({ userId: user, deviceId: device, platform }) => {
    const taken = { outcome: "accepted", reason: null, providerId: null, at: Date.now() };
    return { user, device, platform, ...taken };
  });
  return Object.assign({}, chunk, { dueAt: null, pending: [], outcomes, accepted: pending.length });
}

await import(new URL("../../../services/push-delivery/src/main.ts", import.meta.url).href);
