import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";

const DevJson = z.object({
  baseUrl: z.string(),
  appId: z.string().nullish(),
  token: z.string().nullish(),
  accountToken: z.string().nullish(),
});

/** Where the gateway is and what opens it. */
export interface Settings {
  readonly baseUrl: string;
  readonly appId: string | null;
  readonly token: string | null;
  readonly accountToken: string | null;
}

/** From STRATA_URL, STRATA_APP, STRATA_TOKEN and STRATA_ACCOUNT_TOKEN; what is missing, from `npm start`'s dev.json. */
export function loadSettings(env: NodeJS.ProcessEnv): Settings {
  const file = env["STRATA_DEV_JSON"];
  const dev = file && existsSync(file) ? DevJson.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
  const baseUrl = env["STRATA_URL"] ?? dev?.baseUrl;
  if (!baseUrl) throw new Error("Where is Strata? Set STRATA_URL, or start it here with: npm start");
  return {
    baseUrl,
    appId: env["STRATA_APP"] ?? dev?.appId ?? null,
    token: env["STRATA_TOKEN"] ?? dev?.token ?? null,
    accountToken: env["STRATA_ACCOUNT_TOKEN"] ?? dev?.accountToken ?? null,
  };
}
