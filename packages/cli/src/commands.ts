import { readFileSync } from "node:fs";
import { z } from "zod";
import type { Settings } from "./settings.ts";
import { type StrataClient, strataClient } from "./strata-client.ts";

export interface Arguments {
  readonly positionals: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
}

/** One command of the CLI: what it is called, what it takes, and the lines or object that it answers. */
export interface CliCommand {
  readonly usage: string;
  readonly about: string;
  run(args: Arguments, settings: Settings): Promise<unknown>;
}

/** Wrong use: shown with the command's usage, without a stack. */
export class UsageError extends Error {}

const text = ({ values }: Arguments, name: string): string => {
  const value = values[name];
  if (typeof value !== "string" || value === "") throw new UsageError(`--${name} is missing`);
  return value;
};
const optional = ({ values }: Arguments, name: string): string | undefined => {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
};

function asAccount({ baseUrl, accountToken }: Settings): StrataClient {
  if (!accountToken) throw new UsageError("set STRATA_ACCOUNT_TOKEN (the operator's token)");
  return strataClient(baseUrl, accountToken);
}

function asApp(args: Arguments, { baseUrl, token, appId }: Settings): { client: StrataClient; app: string } {
  const app = optional(args, "app") ?? appId;
  if (!token) throw new UsageError("set STRATA_TOKEN (a token of the app)");
  if (!app) throw new UsageError("--app is missing (or set STRATA_APP)");
  return { client: strataClient(baseUrl, token), app };
}

/** User ids from `--to a,b` or `--file` (one id a line; - reads standard input). */
function recipientsOf(args: Arguments): readonly string[] {
  const file = optional(args, "file");
  const listed =
    file === undefined ? text(args, "to").split(",") : readFileSync(file === "-" ? 0 : file, "utf8").split("\n");
  const ids = listed.map((id) => id.trim()).filter((id) => id !== "");
  if (ids.length === 0) throw new UsageError("no recipients");
  return ids;
}

const identityUri = (userId: string): string => `layer:///identities/${encodeURIComponent(userId)}`;

const Created = z.object({ id: z.string() }).loose();

const appCreate: CliCommand = {
  usage: "app create --name <name>",
  about: "makes an app",
  run: async (args, settings) =>
    (await asAccount(settings).request("POST", "/accounts/apps", { body: { name: text(args, "name") } })).body,
};

const tokenCreate: CliCommand = {
  usage: "token create --app <app id> --name <name> [--scopes app:read,app:write] [--expires <ISO time>]",
  about: "makes a token of an app and shows it, this once",
  run: async (args, settings) => {
    const scopes = optional(args, "scopes")?.split(",");
    const expires = optional(args, "expires");
    const body = {
      name: text(args, "name"),
      ...(scopes ? { scopes } : {}),
      ...(expires ? { expires_at: expires } : {}),
    };
    const app = optional(args, "app") ?? settings.appId;
    if (!app) throw new UsageError("--app is missing");
    return (await asAccount(settings).request("POST", `/accounts/apps/${encodeURIComponent(app)}/tokens`, { body }))
      .body;
  },
};

const announce: CliCommand = {
  usage: "announce --to <id,id> | --file <ids, one a line> --from <user id> --text <text> [--title <title>] [--silent]",
  about: "sends an announcement, with a push that shows its text unless --silent",
  run: async (args, settings) => {
    const { client, app } = asApp(args, settings);
    const body = text(args, "text");
    const title = optional(args, "title");
    const notification =
      args.values["silent"] === true ? {} : { notification: { text: body, ...(title ? { title } : {}) } };
    const answer = await client.request("POST", `/apps/${app}/announcements`, {
      body: {
        recipients: recipientsOf(args).map(identityUri),
        sender_id: identityUri(text(args, "from")),
        parts: [{ mime_type: "text/plain", body }],
        ...notification,
      },
    });
    return { id: Created.parse(answer.body).id };
  },
};

const status: CliCommand = {
  usage: "status <announcement id> [--app <app id>]",
  about: "shows an announcement's state and counts",
  run: async (args, settings) => {
    const { client, app } = asApp(args, settings);
    const id = args.positionals[1]?.split("/").at(-1);
    if (!id) throw new UsageError("which announcement?");
    return (await client.request("GET", `/apps/${app}/announcements/${encodeURIComponent(id)}`)).body;
  },
};

const policyPath = (app: string): string => `/apps/${app}/push_policy`;

const pushPolicyGet: CliCommand = {
  usage: "push-policy get [--app <app id>]",
  about: "shows what decides over an app's pushes",
  run: async (args, settings) => {
    const { client, app } = asApp(args, settings);
    return (await client.request("GET", policyPath(app))).body;
  },
};

const pushPolicySet: CliCommand = {
  usage: "push-policy set --file <JSON, as get shows it> [--app <app id>]",
  about: "sets the whole of it, from a file or - for standard input, and shows what holds",
  run: async (args, settings) => {
    const { client, app } = asApp(args, settings);
    return (await client.request("PUT", policyPath(app), { body: jsonOf(text(args, "file")) })).body;
  },
};

/** What a file holds; `-` is standard input. */
function jsonOf(file: string): unknown {
  const given = readFileSync(file === "-" ? 0 : file, "utf8");
  try {
    return JSON.parse(given);
  } catch (error) {
    throw new UsageError(`${file} is no JSON`, { cause: error });
  }
}

const explainPush: CliCommand = {
  usage: "explain-push <user id> [--announcement <id> | --category <name> [--urgent]] [--app <app id>]",
  about: "says what would become of a push to this user now, and which policy decides it",
  run: async (args, settings) => {
    const { client, app } = asApp(args, settings);
    const user = args.positionals[1];
    if (!user) throw new UsageError("which user?");
    const announcement = optional(args, "announcement")?.split("/").at(-1);
    const category = optional(args, "category");
    const question = new URLSearchParams({
      ...(announcement === undefined ? {} : { announcement_id: announcement }),
      ...(category === undefined ? {} : { category }),
      ...(args.values["urgent"] === true ? { urgent: "true" } : {}),
    });
    const path = `/apps/${app}/users/${encodeURIComponent(user)}/push_explanation?${question.toString()}`;
    return (await client.request("GET", path)).body;
  },
};

/** All commands by their words. */
export const commands: Readonly<Record<string, CliCommand>> = {
  "app create": appCreate,
  "token create": tokenCreate,
  announce,
  status,
  "push-policy get": pushPolicyGet,
  "push-policy set": pushPolicySet,
  "explain-push": explainPush,
};

export const optionTypes = {
  app: { type: "string" },
  name: { type: "string" },
  scopes: { type: "string" },
  expires: { type: "string" },
  to: { type: "string" },
  file: { type: "string" },
  from: { type: "string" },
  text: { type: "string" },
  title: { type: "string" },
  silent: { type: "boolean" },
  announcement: { type: "string" },
  category: { type: "string" },
  urgent: { type: "boolean" },
  help: { type: "boolean" },
} as const;
