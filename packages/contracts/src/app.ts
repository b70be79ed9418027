import { z } from "zod";
import { AppId, Millis } from "./values.ts";

/** What an app is for: `staging` to try things, apart from `production` in data and credentials alike. */
export const AppEnvironment = z.enum(["production", "staging"]);
export type AppEnvironment = z.infer<typeof AppEnvironment>;

/** Why nobody gets into an app: `suspended` until it is resumed; `deleted`, for good once its grace is over. */
export const ClosedState = z.enum(["suspended", "deleted"]);
export type ClosedState = z.infer<typeof ClosedState>;

/** Apps from before say nothing of what came later. */
export const App = z.object({
  appId: AppId,
  accountId: z.string(),
  name: z.string(),
  createdAt: Millis,
  /** Absent: production. */
  environment: AppEnvironment.optional(),
  /** The app beside which it was made, for the other environment. */
  siblingOf: AppId.optional(),
  suspendedAt: Millis.nullable().optional(),
  deletedAt: Millis.nullable().optional(),
  /** When it was last resumed, or restored. */
  reopenedAt: Millis.nullable().optional(),
  /** When the grace of a deleted one is over: it can be restored until then. */
  purgeAt: Millis.nullable().optional(),
  purgedAt: Millis.nullable().optional(),
});
export type App = z.infer<typeof App>;

export const environmentOf = ({ environment }: { readonly environment?: AppEnvironment | undefined }): AppEnvironment =>
  environment ?? "production";

/** Why nobody gets in; null where everybody does who may. A deleted one is no less deleted for being suspended, too. */
export const closedState = ({ suspendedAt, deletedAt }: Pick<App, "suspendedAt" | "deletedAt">): ClosedState | null => {
  if (deletedAt != null) return "deleted";
  return suspendedAt == null ? null : "suspended";
};
