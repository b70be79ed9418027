import { randomBytes } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, importSPKI, jwtVerify } from "jose";

/** Apple's reasons for refusing a provider token. */
export type ApnsTokenVerdict = "ok" | "MissingProviderToken" | "InvalidProviderToken" | "ExpiredProviderToken";

type PublicKey = Awaited<ReturnType<typeof importSPKI>>;

export interface AccessToken {
  readonly projectId: string | null;
  readonly expiresAt: number;
}

const HOUR_S = 3_600;
const CLOCK_SKEW_S = 300;
const REMEMBERED_TOKENS = 200;
const GOOGLE_TOKEN_URL = "https://oauth2.googleapis.com/token";
const MESSAGING_SCOPES = ["firebase.messaging", "cloud-platform"];

/**
 * Checks what clients prove their identity with. Keys that are registered are verified in earnest; a credential that was never
 * registered passes by shape, unless `acceptUnknown` is off, because developers try their own files against the phone.
 */
export class BearerTokens {
  acceptUnknown = true;
  accessTokenLifetimeS = HOUR_S - 1;
  readonly counts = { access_tokens_issued: 0, access_tokens_refused: 0, apns_tokens_seen: 0, apns_tokens_refused: 0 };
  readonly #apnsKeys = new Map<string, PublicKey>();
  readonly #serviceAccounts = new Map<string, { readonly key: PublicKey; readonly projectId: string }>();
  readonly #accessTokens = new Map<string, AccessToken>();
  // Verifying a signature for every push would cost more than the push; a client sends the same token for up to an hour.
  readonly #apnsVerified = new Map<string, Promise<number | null>>();

  async registerApnsKey(key: { readonly teamId: string; readonly keyId: string; readonly publicKey: string }) {
    this.#apnsKeys.set(`${key.teamId}/${key.keyId}`, await importSPKI(key.publicKey, "ES256"));
    this.#apnsVerified.clear();
  }

  async registerServiceAccount(account: { clientEmail: string; projectId: string; publicKey: string }): Promise<void> {
    const key = await importSPKI(account.publicKey, "RS256");
    this.#serviceAccounts.set(account.clientEmail, { key, projectId: account.projectId });
  }

  /** Makes every access token handed out so far invalid, as Google does when an account's key is revoked. */
  revokeAccessTokens(): void {
    this.#accessTokens.clear();
  }

  accessToken(authorization: string | undefined): AccessToken | null {
    const token = authorization?.match(/^bearer (.+)$/i)?.[1];
    const known = token === undefined ? undefined : this.#accessTokens.get(token);
    return known === undefined || known.expiresAt <= Date.now() ? null : known;
  }

  /** The access token for a service account's signed assertion, or why Google would refuse it. */
  async exchange(assertion: string): Promise<{ accessToken: string; expiresIn: number } | { refused: string }> {
    const projectId = await this.#checkAssertion(assertion).catch((cause: unknown) => ({ refused: String(cause) }));
    if (projectId !== null && typeof projectId === "object") {
      this.counts.access_tokens_refused += 1;
      return projectId;
    }
    const accessToken = `ya29.phone-${randomBytes(24).toString("base64url")}`;
    const expiresAt = Date.now() + this.accessTokenLifetimeS * 1_000;
    forgetOldest(this.#accessTokens);
    this.#accessTokens.set(accessToken, { projectId, expiresAt });
    this.counts.access_tokens_issued += 1;
    return { accessToken, expiresIn: this.accessTokenLifetimeS };
  }

  async apnsVerdict(authorization: string | undefined): Promise<ApnsTokenVerdict> {
    if (authorization === undefined) return "MissingProviderToken";
    const issuedAt = await this.#apnsIssuedAt(authorization.replace(/^bearer /i, ""));
    const ageS = issuedAt === null ? null : Date.now() / 1_000 - issuedAt;
    if (ageS !== null && ageS <= HOUR_S && ageS >= -CLOCK_SKEW_S) return "ok";
    this.counts.apns_tokens_refused += 1;
    return ageS === null ? "InvalidProviderToken" : "ExpiredProviderToken";
  }

  #apnsIssuedAt(token: string): Promise<number | null> {
    const seen = this.#apnsVerified.get(token);
    if (seen !== undefined) return seen;
    const checked = this.#checkApnsToken(token).catch(() => null);
    forgetOldest(this.#apnsVerified);
    this.#apnsVerified.set(token, checked);
    this.counts.apns_tokens_seen += 1;
    return checked;
  }

  async #checkApnsToken(token: string): Promise<number | null> {
    const { alg, kid } = decodeProtectedHeader(token);
    const { iss, iat } = decodeJwt(token);
    if (alg !== "ES256" || kid === undefined || iss === undefined || iat === undefined) return null;
    const key = this.#apnsKeys.get(`${iss}/${kid}`);
    if (key === undefined) return this.acceptUnknown ? iat : null;
    await jwtVerify(token, key, { algorithms: ["ES256"] });
    return iat;
  }

  async #checkAssertion(assertion: string): Promise<string | null | { refused: string }> {
    const { alg } = decodeProtectedHeader(assertion);
    const { iss, aud, scope, iat, exp } = decodeJwt(assertion);
    if (alg !== "RS256" || iss === undefined) return { refused: "Invalid JWT Signature." };
    if (aud !== GOOGLE_TOKEN_URL) return { refused: "Invalid JWT: Failed audience check." };
    const nowS = Date.now() / 1_000;
    if (iat === undefined || exp === undefined || exp < nowS || exp - iat > HOUR_S || iat > nowS + CLOCK_SKEW_S) {
      return { refused: "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe." };
    }
    if (!MESSAGING_SCOPES.some((name) => String(scope).includes(name))) return { refused: "Invalid OAuth scope." };
    const account = this.#serviceAccounts.get(iss);
    if (account === undefined) {
      return this.acceptUnknown ? null : { refused: "Invalid grant: account not found" };
    }
    await jwtVerify(assertion, account.key, { algorithms: ["RS256"] });
    return account.projectId;
  }
}

// Insertion order is age, so the first key is the oldest.
function forgetOldest(remembered: Map<string, unknown>): void {
  if (remembered.size < REMEMBERED_TOKENS) return;
  for (const key of remembered.keys()) {
    remembered.delete(key);
    return;
  }
}
