import type { SettingsCache, ProfileCache } from "@strata/doors";
import type { Route } from "../http/route.ts";
import { getBadge, putBadge } from "./badge.ts";
import { createBlock, deleteBlock, listBlocks } from "./blocks.ts";
import { follow, followMany, isFollowing, listFollowing, unfollow } from "./following.ts";
import { createIdentity, deleteIdentity, getIdentity, patchIdentity, putIdentity } from "./identity.ts";
import type { KnownUsers } from "./known-users.ts";
import { patchBlocks, patchUser } from "./patch-user.ts";
import { deleteSessions, deleteUser, getUser } from "./user.ts";
import { getIdentityAsUser, listIdentities } from "./user-identities.ts";

interface Deps {
  readonly users: KnownUsers;
  readonly settings: SettingsCache;
  readonly profiles: ProfileCache;
  readonly maxBodyBytes: number;
}

/** What a backend does to users, not in their name (server API 10). */
export const userManagement = ({ users, settings, profiles, maxBodyBytes }: Deps): readonly Route[] => [
  createIdentity({ maxBodyBytes }),
  getIdentity(),
  patchIdentity({ maxBodyBytes }),
  putIdentity({ maxBodyBytes }),
  deleteIdentity(),
  getUser(),
  patchUser({ maxBodyBytes }),
  deleteUser({ users }),
  deleteSessions(),
  listBlocks({ users, profiles }),
  createBlock({ maxBodyBytes }),
  patchBlocks({ maxBodyBytes }),
  deleteBlock(),
  listFollowing({ users }),
  followMany({ maxBodyBytes }),
  isFollowing(),
  follow(),
  unfollow(),
  listIdentities({ users }),
  getIdentityAsUser({ users, settings }),
  getBadge(),
  putBadge({ maxBodyBytes }),
];
