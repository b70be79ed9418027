/** What tests use of state.js. */
export interface State {
  readonly conversations: ReadonlyMap<string, unknown>;
  readonly messages: ReadonlyMap<string, unknown>;
}
export function createState(me: string): State;
export function put(
  state: State,
  kind: "conversations" | "messages" | "announcements",
  objects: readonly object[],
): void;
export function apply(state: State, packet: { readonly type: string; readonly body: unknown }): readonly string[];
export function messagesOf(state: State, conversationId: string): readonly { readonly id: string }[];
