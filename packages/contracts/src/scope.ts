import { z } from "zod";

/** What a token of an app may hold. `app:read` and `app:write` hold all of the areas, and what belongs to none. */
export const AppScope = z.enum([
  "app:read",
  "app:write",
  "announcements:read",
  "announcements:write",
  "conversations:read",
  "conversations:write",
  "users:read",
  "users:write",
  "pushes:read",
  "pushes:write",
  "insights:read",
]);
export type AppScope = z.infer<typeof AppScope>;

/** What a token of an account may hold, each more than the one before. */
export const AccountScope = z.enum(["account:read", "account:write", "account:admin"]);
export type AccountScope = z.infer<typeof AccountScope>;

export const Scope = z.enum([...AppScope.options, ...AccountScope.options]);
export type Scope = z.infer<typeof Scope>;

/** The scopes that hold another. Reading is not part of writing, as it never was of `app:write`. */
const WIDER: Readonly<Record<Scope, readonly Scope[]>> = {
  "app:read": [],
  "app:write": [],
  "announcements:read": ["app:read"],
  "announcements:write": ["app:write"],
  "conversations:read": ["app:read"],
  "conversations:write": ["app:write"],
  "users:read": ["app:read"],
  "users:write": ["app:write"],
  "pushes:read": ["app:read"],
  "pushes:write": ["app:write"],
  "insights:read": ["app:read"],
  "account:read": ["account:write", "account:admin"],
  "account:write": ["account:admin"],
  "account:admin": [],
};

/** Whether a holder of these scopes may do what needs this one. */
export const isGranted = (held: readonly Scope[], needed: Scope): boolean =>
  held.includes(needed) || WIDER[needed].some((wider) => held.includes(wider));

export const isAppScope = (scope: string): scope is AppScope => AppScope.safeParse(scope).success;

/** Who changes an account's apps may give their tokens anything an app can have; of the account itself, what she has. */
export const mayGrant = (held: readonly Scope[], wanted: Scope): boolean =>
  isGranted(held, wanted) || (isAppScope(wanted) && isGranted(held, "account:write"));
