import {
  ChangeBlocks,
  ChangeFollowing,
  ChangeIdentity,
  compareUserIds,
  CreateIdentity,
  DeleteIdentity,
  DeleteUser,
  EndSessions,
  FindUnknownUsers,
  CountAudience,
  FindPersonalFacts,
  GetIdentities,
  GetUser,
  type Identity,
  type IdentityChange,
  type IdentityFields,
  IsFollowing,
  ListBlocks,
  ListFollowing,
  MatchUsers,
  MakeUsersKnown,
  partitionOf,
  type PersonalFacts,
  RecordVisit,
  ReplaceIdentity,
  SetExternalUnread,
  SessionsEnded,
  SuspendUser,
  type User,
  UserDeleted,
  UserSuspended,
} from "@strata/contracts";
import { ack, type Broker, on, refuse, reply, type Subscription } from "@strata/messaging";
import { DomainError } from "@strata/runtime";

/** What the directory knows of one user. */
export interface UserRow {
  identity: (Identity & { readonly by: string }) | null;
  blocked: Set<string>;
  following: Set<string>;
  isSuspended: boolean;
  externalUnread: number;
  sessionsEndedAt: number | null;
  visitedAt?: number;
}

export const userContracts = [
  FindUnknownUsers,
  CountAudience,
  MatchUsers,
  FindPersonalFacts,
  GetIdentities,
  GetUser,
  ListBlocks,
  ListFollowing,
  IsFollowing,
  CreateIdentity,
  ChangeIdentity,
  ReplaceIdentity,
  DeleteIdentity,
  MakeUsersKnown,
  ChangeFollowing,
  ChangeBlocks,
  SuspendUser,
  EndSessions,
  SetExternalUnread,
  RecordVisit,
  DeleteUser,
  // The services that hear of it are not there, and nobody shall wait for them.
  { ...UserDeleted, consumedBy: [] },
] as const;

interface UsersPeer {
  /** By `<app>/<user>`. */
  readonly users: Map<string, UserRow>;
  /** Of how many users each question for personal facts was. */
  readonly factsAsked: number[];
  make(app: string, userId: string): UserRow;
  readonly queries: readonly Subscription[];
  readonly ordered: readonly Subscription[];
  readonly unordered: readonly Subscription[];
}

const unknownUser = () => refuse(new DomainError("not_found"));

export function usersPeer(broker: () => Broker): UsersPeer {
  const users = new Map<string, UserRow>();
  const factsAsked: number[] = [];
  const find = (app: string, userId: string): UserRow | undefined => users.get(`${app}/${userId}`);
  const make = (app: string, userId: string): UserRow => {
    const row = find(app, userId) ?? aRow();
    users.set(`${app}/${userId}`, row);
    return row;
  };

  const queries = [
    on(MatchUsers, async ({ app, payload: { filter, partition, after, limit } }) => {
      const prefix = `${app}/${filter !== null && "startsWith" in filter ? filter.startsWith : ""}`;
      const all = [...users.keys()]
        .filter((key) => key.startsWith(prefix))
        .map((key) => key.slice(app.length + 1))
        .filter((userId) => partitionOf(userId) === partition && (after === null || userId > after))
        .toSorted();
      const userIds = all.slice(0, limit);
      return reply({ userIds, next: all.length > limit ? (userIds.at(-1) ?? null) : null });
    }),
    on(FindUnknownUsers, async ({ app, payload }) =>
      reply({ unknown: payload.userIds.filter((userId) => !find(app, userId)) }),
    ),
    // Every filter matches everyone.
    // Of filters it understands `user_id` `startsWith`; all others match everybody.
    on(CountAudience, async ({ app, payload: { filter } }) => {
      const prefix = filter !== null && "startsWith" in filter ? filter.startsWith : "";
      return reply({ count: [...users.keys()].filter((key) => key.startsWith(`${app}/${prefix}`)).length });
    }),
    on(GetIdentities, async ({ app, payload }) =>
      reply({ identities: payload.userIds.flatMap((userId) => find(app, userId)?.identity ?? []) }),
    ),
    on(FindPersonalFacts, async ({ app, payload }) => {
      factsAsked.push(payload.userIds.length);
      return reply({ facts: payload.userIds.flatMap((userId) => factsOf(userId, find(app, userId))) });
    }),
    on(GetUser, async ({ app, payload: { userId } }) => {
      const row = find(app, userId);
      const user: User | null = row ? { ...row, userId } : null;
      return reply({ user });
    }),
    on(ListBlocks, async ({ app, payload }) => reply({ blocked: [...(find(app, payload.userId)?.blocked ?? [])] })),
    on(IsFollowing, async ({ app, payload }) =>
      reply({ isFollowing: find(app, payload.userId)?.following.has(payload.followed) ?? false }),
    ),
    on(ListFollowing, async ({ app, payload: { userId, after, limit, withIdentities } }) => {
      const all = [...(find(app, userId)?.following ?? [])].toSorted(compareUserIds);
      const rows = all.filter((followed) => after === null || compareUserIds(followed, after) > 0).slice(0, limit);
      const identityOf = (followed: string) => (withIdentities ? (find(app, followed)?.identity ?? null) : null);
      return reply({
        following: rows.map((followed) => ({ userId: followed, identity: identityOf(followed) })),
        total: all.length,
      });
    }),
  ];

  return {
    users,
    factsAsked,
    make,
    queries,
    ordered: [...identityCommands(find, make), ...userCommands(broker, users, find, make)],
    unordered: [
      on(MakeUsersKnown, async ({ app, payload }) => {
        for (const userId of payload.userIds) make(app, userId);
        return ack;
      }),
    ],
  };
}

type Find = (app: string, userId: string) => UserRow | undefined;
type Make = (app: string, userId: string) => UserRow;

const identityCommands = (find: Find, make: Make): readonly Subscription[] => [
  on(CreateIdentity, async ({ app, id, payload: { userId, fields } }) => {
    const row = make(app, userId);
    row.identity ??= anIdentity(userId, fields, id);
    return row.identity.by === id ? reply(row.identity) : refuse(new DomainError("conflict", { property: "user_id" }));
  }),
  on(ChangeIdentity, async ({ app, payload: { userId, changes } }) => {
    const row = find(app, userId);
    if (!row?.identity) return unknownUser();
    const changed = changes.reduce(changeIdentity, row.identity);
    if (Object.keys(changed.metadata).length > 16) {
      return refuse(new DomainError("invalid_property", { property: "metadata" }));
    }
    row.identity = { ...row.identity, ...changed };
    return reply(row.identity);
  }),
  on(ReplaceIdentity, async ({ app, id, payload: { userId, fields } }) => {
    const row = find(app, userId);
    if (!row?.identity) return unknownUser();
    row.identity = anIdentity(userId, fields, id);
    return reply(row.identity);
  }),
  on(DeleteIdentity, async ({ app, payload: { userId } }) => {
    const row = find(app, userId);
    if (!row?.identity) return unknownUser();
    row.identity = null;
    return ack;
  }),
];

function changeIdentity(identity: Identity, change: IdentityChange): Identity {
  switch (change.kind) {
    case "set-text":
      return { ...identity, [change.field]: change.value };
    case "set-type":
      return { ...identity, identityType: change.value };
    case "set-metadata":
      return { ...identity, metadata: { ...identity.metadata, [change.key]: change.value } };
    case "delete-metadata":
      return {
        ...identity,
        metadata: Object.fromEntries(Object.entries(identity.metadata).filter(([key]) => key !== change.key)),
      };
    default:
      return { ...identity, metadata: change.metadata };
  }
}

const userCommands = (
  broker: () => Broker,
  users: Map<string, UserRow>,
  find: Find,
  make: Make,
): readonly Subscription[] => [
  on(ChangeFollowing, async ({ app, payload: { userId, follow, unfollow } }) => {
    const row = find(app, userId);
    if (!row) return unknownUser();
    for (const followed of follow) {
      make(app, followed);
      row.following.add(followed);
    }
    for (const followed of unfollow) row.following.delete(followed);
    return ack;
  }),
  on(ChangeBlocks, async ({ app, payload: { userId, changes, makeKnown } }) => {
    const row = makeKnown ? make(app, userId) : find(app, userId);
    if (!row) return unknownUser();
    for (const change of changes) {
      if (change.kind === "set") row.blocked = new Set(change.userIds);
      else if (change.kind === "block") row.blocked.add(change.userId);
      else row.blocked.delete(change.userId);
    }
    return ack;
  }),
  on(SuspendUser, async ({ app, payload: { userId, isSuspended, at } }) => {
    const row = find(app, userId);
    if (!row) return unknownUser();
    row.isSuspended = isSuspended;
    await broker().emit(UserSuspended, app, { userId, isSuspended, version: 1, at });
    return ack;
  }),
  on(EndSessions, async ({ app, payload: { userId, at } }) => {
    const row = find(app, userId);
    if (!row) return unknownUser();
    row.sessionsEndedAt = at;
    await broker().emit(SessionsEnded, app, { userId, at });
    return ack;
  }),
  on(SetExternalUnread, async ({ app, payload: { userId, count } }) => {
    const row = find(app, userId);
    if (!row) return unknownUser();
    row.externalUnread = count;
    return ack;
  }),
  on(RecordVisit, async ({ app, payload: { userId, at } }) => {
    const row = find(app, userId);
    if (!row) return unknownUser();
    row.visitedAt = Math.max(at, row.visitedAt ?? 0);
    return ack;
  }),
  on(DeleteUser, async ({ app, payload: { userId, at } }) => {
    if (!users.delete(`${app}/${userId}`)) return unknownUser();
    await broker().emit(UserDeleted, app, { userId, at });
    return ack;
  }),
];

/** The locale is what her metadata says. */
const factsOf = (userId: string, row: UserRow | undefined): readonly PersonalFacts[] =>
  row
    ? [
        {
          userId,
          locale: row.identity?.metadata["locale"] ?? null,
          displayName: row.identity?.displayName ?? null,
          firstName: row.identity?.firstName ?? null,
          lastName: row.identity?.lastName ?? null,
          emailAddress: row.identity?.emailAddress ?? null,
          phoneNumber: row.identity?.phoneNumber ?? null,
          metadata: row.identity?.metadata ?? {},
        },
      ]
    : [];

const aRow = (): UserRow => ({
  identity: null,
  blocked: new Set(),
  following: new Set(),
  isSuspended: false,
  externalUnread: 0,
  sessionsEndedAt: null,
});

/** An identity with these fields and nothing else. */
export const anIdentity = (userId: string, fields: Partial<IdentityFields>, by: string): Identity & { by: string } => ({
  displayName: `User ${userId}`,
  avatarUrl: null,
  firstName: null,
  lastName: null,
  phoneNumber: null,
  emailAddress: null,
  identityType: "user",
  publicKey: null,
  metadata: {},
  ...fields,
  userId,
  partition: partitionOf(userId),
  createdAt: Date.now(),
  version: 1,
  by,
});
