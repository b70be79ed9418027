import { Device, type DeviceFields, partitionKey, partitionOf } from "@strata/contracts";

/** A device as stored. Its version is `registeredAt`: rows come and go, and a counter in them would start again. */
export interface DeviceRow extends DeviceFields {
  readonly _id: string;
  readonly app: string;
  readonly partition: number;
  readonly userId: string;
  readonly deviceId: string;
  readonly registeredAt: number;
  /** The command that registered it: tells two registrations of one millisecond apart. */
  readonly by: string;
}

/** Which registration of which device. */
export type Registration = Pick<DeviceRow, "_id" | "registeredAt" | "by">;

/** A registration that holds no more. */
export type EndedRegistration = Pick<DeviceRow, "userId" | "deviceId" | "registeredAt">;

/** What is to be removed, then written, so that the newest registrations hold. */
export interface DeviceChanges {
  /** Devices that have no token any more, each with the last registration that this undoes. */
  readonly removals: readonly DeviceRow[];
  readonly writes: readonly DeviceRow[];
}

/** Escaped, since a user id may hold a slash, and two devices would share a key. */
export const deviceKey = (app: string, userId: string, deviceId: string): string =>
  `${app}/${partitionKey(partitionOf(userId))}/${encodeURIComponent(userId)}/${deviceId}`;

/** Where it is remembered that a user was forgotten: the key of no device, since a device id is never empty. */
export const userKey = (app: string, userId: string): string => deviceKey(app, userId, "");

export const deviceRow = (
  app: string,
  by: string,
  registration: {
    readonly userId: string;
    readonly deviceId: string;
    readonly device: DeviceFields;
    readonly at: number;
  },
): DeviceRow => {
  const { userId, deviceId, device, at } = registration;
  const _id = deviceKey(app, userId, deviceId);
  return { _id, app, partition: partitionOf(userId), userId, deviceId, ...device, registeredAt: at, by };
};

export const deviceView = (row: DeviceRow): Device => Device.parse(row);

/**
 * A registration claims a device and a token, and voids every older claim on either; it holds unless a newer one claims
 * one of them. So the outcome is the same in whatever order, and however often, registrations arrive: an old one that
 * comes again never takes a phone back. A user who was forgotten holds nothing that she registered until then. `stored`
 * must hold every row that shares a device or a token with them, and `removed` what is remembered of their devices that
 * have no token, and of their users.
 */
export function settleClaims(
  stored: readonly DeviceRow[],
  removed: readonly Registration[],
  registrations: readonly DeviceRow[],
): DeviceChanges {
  const claims = [...stored, ...registrations];
  const byDevice = newestBy(claims, ({ _id }) => _id);
  const byToken = newestBy(claims, tokenKey);
  const removedById = new Map(removed.map((row) => [row._id, row]));
  const isForgotten = ({ app, userId, registeredAt }: DeviceRow): boolean =>
    registeredAt <= (removedById.get(userKey(app, userId))?.registeredAt ?? -1);
  const open = [...byDevice.values()].filter((claim) => {
    const undone = removedById.get(claim._id);
    return !isForgotten(claim) && (undone === undefined || isNewer(claim, undone));
  });
  const holds = (claim: DeviceRow): boolean => isSame(claim, byToken.get(tokenKey(claim)));

  const storedById = new Map(stored.map((row) => [row._id, row]));
  const writes = open.filter((claim) => holds(claim) && !isSame(claim, storedById.get(claim._id)));
  // A row is overwritten in place, unless its token goes to another device in this step: there it would be in the way.
  const takers = new Map(writes.map((row) => [tokenKey(row), row._id]));
  const inTheWay = writes.flatMap(({ _id }) => {
    const former = storedById.get(_id);
    const taker = former && takers.get(tokenKey(former));
    return former === undefined || taker === undefined || taker === _id ? [] : [former];
  });
  return {
    removals: [...open.filter((claim) => !holds(claim)), ...stored.filter(isForgotten), ...inTheWay],
    writes,
  };
}

const tokenKey = ({ app, kind, token }: DeviceRow): string => `${app}/${kind}/${token}`;

const isNewer = (a: Registration, b: Registration): boolean =>
  a.registeredAt === b.registeredAt ? a.by > b.by : a.registeredAt > b.registeredAt;

const isSame = (a: Registration, b: Registration | undefined): boolean =>
  b !== undefined && a._id === b._id && a.registeredAt === b.registeredAt && a.by === b.by;

function newestBy(claims: readonly DeviceRow[], keyOf: (claim: DeviceRow) => string): ReadonlyMap<string, DeviceRow> {
  const newest = new Map<string, DeviceRow>();
  for (const claim of claims) {
    const key = keyOf(claim);
    const other = newest.get(key);
    if (other === undefined || isNewer(claim, other)) newest.set(key, claim);
  }
  return newest;
}
