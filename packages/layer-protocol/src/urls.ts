import { encodeUserId } from "./user-ids.ts";
import type { LayerVersion } from "./versions.ts";

/** What every serialiser needs to know of the request it answers. */
export interface WireContext {
  readonly version: LayerVersion;
  /** The public base of the API, without a slash at the end: clients build further URLs on what they get. */
  readonly baseUrl: string;
  readonly appId: string;
}

/** Where a WireContext's app begins: system views. */
export const appUrl = ({ baseUrl, appId }: WireContext): string => `${baseUrl}/apps/${appId}`;

/** Where one user's views begin. */
export const userUrl = (wire: WireContext, userId: string): string => `${appUrl(wire)}/users/${encodeUserId(userId)}`;
