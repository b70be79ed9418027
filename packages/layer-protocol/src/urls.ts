import { encodeUserId } from "./user-ids.ts";
import type { LayerVersion } from "./versions.ts";

/** What every serialiser needs to know of the request it answers. */
export interface WireContext {
  readonly version: LayerVersion;
  /** The public base of the API, without a slash at the end: clients build further URLs on what they get. */
  readonly baseUrl: string;
  readonly appId: string;
  /** Of the Client API: whose the objects are is what the session says, and no URL (client API 4). */
  readonly isClientApi?: boolean;
}

/** Where a WireContext's app begins: system views. */
export const appUrl = ({ baseUrl, appId }: WireContext): string => `${baseUrl}/apps/${appId}`;

/** Where one user's views begin. */
export const userUrl = (wire: WireContext, userId: string): string =>
  wire.isClientApi ? wire.baseUrl : `${appUrl(wire)}/users/${encodeUserId(userId)}`;

/** Where a user's identity is, as the caller may see it. */
export const identityUrl = (wire: WireContext, userId: string): string =>
  wire.isClientApi ? `${wire.baseUrl}/identities/${encodeUserId(userId)}` : `${userUrl(wire, userId)}/identity`;
