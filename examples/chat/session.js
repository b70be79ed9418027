// The Client API over REST, and how a user gets in.

const ACCEPT = "application/vnd.layer+json; version=3.0";

/** What the server says is wrong: over REST by a status, on a socket by `success: false`. The body is the same. */
export class ApiError extends Error {
  constructor(body) {
    super(body?.message ?? "the request failed");
    /** What went wrong, as the API names it: `not_found`, `id_in_use`. */
    this.id = body?.id;
    this.data = body?.data;
  }
}

/** Where an object is found: `layer:///messages/<id>` at `/messages/<id>`. */
export const pathOf = (id) => id.slice("layer://".length);

/**
 * Logs a user in. `tokenFor` is asked for an identity token whenever the API wants one: of the app's own backend, which
 * alone can sign it.
 */
export async function logIn({ baseUrl, appId, tokenFor }) {
  async function call(method, path, { body, token } = {}) {
    const headers = { Accept: ACCEPT, "Content-Type": "application/json" };
    if (token) headers.Authorization = `Layer session-token="${token}"`;
    const response = await fetch(baseUrl + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    const json = text === "" ? null : JSON.parse(text);
    if (!response.ok) throw new ApiError(json);
    return json;
  }
  async function begin(nonce) {
    nonce ??= (await call("POST", "/nonces")).nonce;
    const body = { identity_token: await tokenFor(nonce), app_id: appId };
    return (await call("POST", "/sessions", { body })).session_token;
  }

  let token = await begin();
  let renewing = null;
  /** A session may end at any time: the refusal brings the nonce for the next one. */
  async function api(method, path, body) {
    try {
      return await call(method, path, { body, token });
    } catch (error) {
      if (error.id !== "authentication_required") throw error;
      renewing ??= begin(error.data?.nonce).finally(() => (renewing = null));
      token = await renewing;
      return call(method, path, { body, token });
    }
  }
  return {
    api,
    get token() {
      return token;
    },
  };
}
