/** What tests use of session.js. */
export class ApiError extends Error {
  readonly id: string | undefined;
}
export interface Session {
  readonly token: string;
  api(method: string, path: string, body?: unknown): Promise<unknown>;
}
export function logIn(options: {
  readonly baseUrl: string;
  readonly appId: string;
  readonly tokenFor: (nonce: string) => Promise<string>;
}): Promise<Session>;
