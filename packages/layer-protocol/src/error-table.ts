/**
 * Every error of the wire: layer-server-api.md section 3.2, with the decisions of sections 3.2 and 20 (`id_in_use` is
 * 111 with 409, 106 is spelled `invalid_endpoint`, an existing identity is `conflict`). Published clients branch on
 * the id and the status, so a row may be added but never changed.
 */
export const ERRORS = {
  service_unavailable: { code: 1, status: 503, when: "a dependency is down; try again after Retry-After" },
  invalid_app_id: { code: 2, status: 403, when: "the token does not belong to the app in the path" },
  invalid_request_id: { code: 3, status: 400, when: "If-None-Match is not a UUID, or Idempotency-Key is not usable" },
  authentication_required: { code: 4, status: 401, when: "credentials are absent, unknown, revoked or expired" },
  app_suspended: { code: 5, status: 403, when: "the app is suspended or deleted; data.state says which" },
  user_suspended: { code: 6, status: 403, when: "the user is suspended" },
  rate_limit_exceeded: { code: 7, status: 429, when: "too many requests; try again after Retry-After" },
  request_timeout: { code: 8, status: 408, when: "the server gave up waiting for the request" },
  invalid_operation: { code: 9, status: 422, when: "the operation is refused" },
  invalid_request: {
    code: 10,
    status: 400,
    when: "the body is structurally invalid, such as JSON that does not parse",
  },
  internal_server_error: { code: 100, status: 500, when: "an unexpected failure" },
  access_denied: {
    code: 101,
    status: 403,
    when: "the user was a participant and no longer is; or she may not do this: data.reason says why, data.required_role what she would need",
  },
  not_found: { code: 102, status: 404, when: "there is no such object" },
  object_deleted: { code: 103, status: 410, when: "the object existed and was deleted" },
  missing_property: { code: 104, status: 422, when: "a required property is absent; data.property names it" },
  invalid_property: { code: 105, status: 422, when: "a property has a bad value; data.property names it" },
  invalid_endpoint: { code: 106, status: 404, when: "there is no such route" },
  invalid_header: { code: 107, status: 406, when: "a header has a bad value; data.header names it" },
  conflict: {
    code: 108,
    status: 409,
    when: "the object exists already; data is the existing one where it may be shown",
  },
  method_not_allowed: {
    code: 109,
    status: 405,
    when: "the route does not take this method; Allow lists those it takes",
  },
  conversation_closed: {
    code: 112,
    status: 403,
    when: "the conversation takes no messages: its time is over, or it has not opened yet (which only its backend is told)",
  },
  user_muted: { code: 120, status: 403, when: "the user cannot send messages for now: her flags said so" },
  user_banned: {
    code: 121,
    status: 403,
    when: "the conversation does not take this user: she is banned; data.ids names those who are",
  },
  message_refused: {
    code: 125,
    status: 422,
    when: "a rule of the app's message policy refuses the message; data.rule names it",
  },
  id_in_use: { code: 111, status: 409, when: "the id was used before; data is the existing object, or null" },
} as const satisfies Record<string, ErrorRow>;

interface ErrorRow {
  readonly code: number;
  readonly status: number;
  readonly when: string;
}

/** The `id` of an error on the wire. */
export type ErrorId = keyof typeof ERRORS;
