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

/** What is to be removed, then written, so that the newest registrations hold. */
export interface DeviceChanges {
  readonly removals: readonly DeviceRow[];
  readonly writes: readonly DeviceRow[];
}

/** Escaped, since a user id may hold a slash, and two devices would share a key. */
export const deviceKey = (app: string, userId: string, deviceId: string): string =>
  `${app}/${partitionKey(partitionOf(userId))}/${encodeURIComponent(userId)}/${deviceId}`;

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

const tokenKey = ({ app, kind, token }: DeviceRow): string => `${app}/${kind}/${token}`;

const isNewer = (a: DeviceRow, b: DeviceRow): boolean =>
  a.registeredAt === b.registeredAt ? a.by > b.by : a.registeredAt > b.registeredAt;

const isSame = (a: DeviceRow, b: DeviceRow | undefined): boolean =>
  b !== undefined && a._id === b._id && a.registeredAt === b.registeredAt && a.by === b.by;

/**
 * A registration claims a device and a token, and voids every older claim on either; it holds unless a newer one claims
 * one of them. So the outcome is the same in whatever order, and however often, registrations arrive: an old one that
 * comes again never takes a phone back. `stored` must hold every row that shares a device or a token with them.
 */
export function settleClaims(stored: readonly DeviceRow[], registrations: readonly DeviceRow[]): DeviceChanges {
  const claims = [...stored, ...registrations];
  const byDevice = newestBy(claims, ({ _id }) => _id);
  const byToken = newestBy(claims, tokenKey);
  const holds = (claim: DeviceRow): boolean =>
    isSame(claim, byDevice.get(claim._id)) && isSame(claim, byToken.get(tokenKey(claim)));

  const storedById = new Map(stored.map((row) => [row._id, row]));
  const writes = new Map(
    registrations.filter((row) => holds(row) && !isSame(row, storedById.get(row._id))).map((row) => [row._id, row]),
  );
  const takenTokens = new Set([...writes.values()].map(tokenKey));
  const removals = stored.filter((row) => {
    if (holds(row)) return false;
    const successor = writes.get(row._id);
    // Overwritten in place, unless its token goes to another device in the same step: there the old row is in the way.
    return successor === undefined || (tokenKey(successor) !== tokenKey(row) && takenTokens.has(tokenKey(row)));
  });
  return { removals, writes: [...writes.values()] };
}

function newestBy(claims: readonly DeviceRow[], keyOf: (claim: DeviceRow) => string): ReadonlyMap<string, DeviceRow> {
  const newest = new Map<string, DeviceRow>();
  for (const claim of claims) {
    const key = keyOf(claim);
    const other = newest.get(key);
    if (other === undefined || isNewer(claim, other)) newest.set(key, claim);
  }
  return newest;
}
