import { Agent } from "node:https";
import { cert } from "firebase-admin/app";
import { JWT } from "google-auth-library";

export type AccessTokenResult =
  | { readonly kind: "token"; readonly token: string }
  /** Google refuses this service account. */
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "unavailable"; readonly reason: string };

export interface ServiceAccountKey {
  readonly project_id: string;
  readonly client_email: string;
  readonly private_key: string;
}

export interface AccessTokenOptions {
  readonly serviceAccount: ServiceAccountKey;
  /** Null: Google's own. */
  readonly tokenUrl: string | null;
  readonly ca: string | null;
}

const RENEW_BEFORE_EXPIRY_MS = 5 * 60_000;
const EXCHANGE_DEADLINE_MS = 15_000;
const MESSAGING_SCOPE = "https://www.googleapis.com/auth/firebase.messaging";

/**
 * The access token of one service account, kept until shortly before it runs out. However many pushes ask at once, there is one
 * exchange; none of them waits longer than its deadline.
 */
export class FcmAccessToken {
  readonly #options: AccessTokenOptions;
  #current: { readonly token: string; readonly renewAt: number } | null = null;
  #exchange: Promise<AccessTokenResult> | null = null;

  constructor(options: AccessTokenOptions) {
    this.#options = options;
  }

  async get(): Promise<AccessTokenResult> {
    if (this.#current !== null && Date.now() < this.#current.renewAt)
      return { kind: "token", token: this.#current.token };
    this.#exchange ??= this.#startExchange();
    return this.#exchange;
  }

  /** A token other than `stale`: a new one, or the one that another push has fetched meanwhile. */
  async renewed(stale: string): Promise<AccessTokenResult> {
    if (this.#current?.token === stale) this.#current = null;
    return this.get();
  }

  async #startExchange(): Promise<AccessTokenResult> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<AccessTokenResult>((resolve) => {
      timer = setTimeout(resolve, EXCHANGE_DEADLINE_MS, { kind: "unavailable", reason: "token exchange timed out" });
    });
    try {
      return await Promise.race([this.#exchangeOnce(), late]);
    } finally {
      clearTimeout(timer);
      this.#exchange = null;
    }
  }

  async #exchangeOnce(): Promise<AccessTokenResult> {
    try {
      // A new client for each exchange: one that has a token hands it out again, also when it was just refused.
      const { access_token: token, expiry_date: expiresAt } = await clientFor(this.#options).authorize();
      if (typeof token !== "string") return { kind: "unavailable", reason: "token exchange: no token in the answer" };
      const lifetimeMs = (expiresAt ?? 0) - Date.now();
      this.#current = { token, renewAt: Date.now() + Math.max(lifetimeMs - RENEW_BEFORE_EXPIRY_MS, lifetimeMs / 2) };
      return { kind: "token", token };
    } catch (error) {
      const status = statusOf(error);
      const reason = `token exchange: ${error instanceof Error ? error.message : String(error)}`;
      // Without a status the key did not even sign, or nothing was reached; the network has error codes, a bad key has none.
      const isRefused = status === null ? !hasNetworkCode(error) : status >= 400 && status < 500 && status !== 429;
      return isRefused ? { kind: "refused", reason } : { kind: "unavailable", reason };
    }
  }
}

/**
 * Google's own client, which firebase-admin uses too. Not through the SDK's credential: version 14.5.1 drops the agent for a service account
 * that is given as an object, and both libraries have Google's token address as a constant and ignore `token_uri`, so the local phone
 * could not be reached. `cert` still checks the key file, as the SDK would.
 */
function clientFor({ serviceAccount, tokenUrl, ca }: AccessTokenOptions): JWT {
  const { project_id: projectId, client_email: email, private_key: key } = serviceAccount;
  cert({ projectId, clientEmail: email, privateKey: key });
  const agent = ca === null ? {} : { transporterOptions: { agent: new Agent({ ca }) } };
  const client = new JWT({ email, key, scopes: [MESSAGING_SCOPE], ...agent });
  if (tokenUrl !== null) {
    client.transporter.interceptors.request.add({
      resolved: (config) => Promise.resolve({ ...config, url: new URL(tokenUrl) }),
    });
  }
  return client;
}

function statusOf(error: unknown): number | null {
  if (typeof error !== "object" || error === null || !("status" in error)) return null;
  return typeof error.status === "number" ? error.status : null;
}

const hasNetworkCode = (error: unknown): boolean =>
  typeof error === "object" &&
  error !== null &&
  "code" in error &&
  /^(?:E[A-Z]+|ERR_.*|CERT_.*)$/.test(String(error.code));
