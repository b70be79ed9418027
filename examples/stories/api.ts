// All that the stories need beside `fetch`: a token, JSON, and an error that says why something was refused.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** Where Strata is, and one of its apps. */
export interface App {
  readonly baseUrl: string;
  readonly appId: string;
  readonly token: string;
}

/** What has just happened, and the id of what it happened to. */
export type Say = (what: string, id: string) => Promise<void> | void;

/** What the API refused, with the id that its reference explains. */
export class Refused extends Error {
  readonly id: string;

  constructor({ id, message }: { readonly id: string; readonly message: string }) {
    super(`${id}: ${message}`);
    this.id = id;
  }
}

export type Api = <T>(method: string, path: string, body?: unknown) => Promise<T>;

export const apiOf =
  ({ baseUrl, appId, token }: App): Api =>
  async (method, path, body) => {
    // A list of changes to participants or metadata is a Layer-Patch; a schedule's change is plain JSON.
    const isPatch = method === "PATCH" && Array.isArray(body);
    const response = await fetch(`${baseUrl}/apps/${appId}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/vnd.layer+json; version=3.0",
        "content-type": isPatch ? "application/vnd.layer-patch+json" : "application/json",
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = text === "" ? undefined : JSON.parse(text);
    if (!response.ok) throw new Refused(answer);
    return answer;
  };

export const identity = (userId: string): string => `layer:///identities/${userId}`;

/** Ids are URIs; paths have what is at their end. */
export const uuidOf = ({ id }: { readonly id: string }): string => id.slice(id.lastIndexOf("/") + 1);

/** Makes users known who are not yet. */
export async function signUp(api: Api, names: Readonly<Record<string, string>>): Promise<void> {
  for (const [userId, name] of Object.entries(names)) {
    await api("POST", `/users/${userId}/identity`, { display_name: name }).catch((error: unknown) => {
      if (!(error instanceof Refused && error.id === "conflict")) throw error;
    });
  }
}

/** Tells a story of the app that three variables name, or of the one that `npm start` has made. */
export async function tell(story: (app: App, say: Say) => Promise<void>): Promise<void> {
  const { STRATA_BASE_URL: baseUrl, STRATA_APP_ID: appId, STRATA_TOKEN: token } = process.env;
  const app = baseUrl && appId && token ? { baseUrl, appId, token } : await demoApp();
  await story(app, (what, id) => console.log(`${what} (${id})`));
}

async function demoApp(): Promise<App> {
  return JSON.parse(await readFile(fileURLToPath(new URL("../../.strata/dev.json", import.meta.url)), "utf8"));
}
