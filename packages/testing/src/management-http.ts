/** Requests to RabbitMQ's management API. Anything but a success is an error with the broker's own words. */
export interface ManagementHttp {
  /** Whom the requests come from. */
  readonly user: string;
  get(path: string): Promise<unknown>;
  post(path: string, body: unknown): Promise<unknown>;
  put(path: string, body: unknown): Promise<void>;
  /** What is not there is deleted already. */
  delete(path: string): Promise<void>;
}

export const createManagementHttp = (managementUrl: string): ManagementHttp => {
  const base = new URL(managementUrl);
  const user = decodeURIComponent(base.username);
  const credentials = `${user}:${decodeURIComponent(base.password)}`;
  const headers = {
    authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
    "content-type": "application/json",
  };

  const request = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const response = await fetch(`${base.origin}/api${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok && !(method === "DELETE" && response.status === 404)) {
      throw new Error(`${method} /api${path}: ${response.status} ${await response.text()}`);
    }
    return response;
  };

  return {
    user,
    get: async (path) => (await request("GET", path)).json(),
    post: async (path, body) => (await request("POST", path, body)).json(),
    put: async (path, body) => void (await request("PUT", path, body)),
    delete: async (path) => void (await request("DELETE", path)),
  };
};
