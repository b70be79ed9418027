import type { Part } from "@strata/contracts";
import { z } from "zod";
import { madePartId } from "./parts.ts";

/** What a client answers a question with: a card of the XDK that was chosen from, rated, pressed (client API 11.10). */
const RESPONSE_TYPE = "application/vnd.layer.response-v2+json";
/** What a question's sender says was answered from the start. */
const INITIAL_TYPE = "application/vnd.layer.initialresponsestate-v1+json";
/** What the server keeps of the answers, as a part of the question: by identity, then by the name of a state. */
const SUMMARY_TYPE = "application/vnd.layer.responsesummary-v2+json";
const SUMMARY_ROLE = "response_summary";

const MESSAGES = "layer:///messages/";
const MAX_CHANGES = 100;
/** Of one user, to one node. */
const MAX_STATES = 50;
/** Values that one user holds at a time in one state. */
const MAX_VALUES = 100;
/** Removals are remembered against additions that come late; clients themselves forget them with their page. */
const MAX_REMOVES = 100;

/** Clients choose names as they like, but for the one key that no object keeps. */
const Name = z
  .string()
  .min(1)
  .max(128)
  .refine((name) => name !== "__proto__", "cannot be a name");
/** In a MIME parameter as it is: nothing that would have to be escaped there. */
const NodeId = z.string().regex(/^[\w.:/-]{1,256}$/);
const MAX_VALUE_CHARACTERS = 1_024;
/** Mostly the id of a choice; a card may answer with an object of its own (`custom_response_data`). */
const Value = z.json().refine((value) => JSON.stringify(value).length <= MAX_VALUE_CHARACTERS, "is too long");

/**
 * One step of an answer. FWW: the first value stays; LWW: the last one counts; LWWN: and can be taken back; Set: any number
 * of values.
 */
const Operation = z.object({
  operation: z.enum(["add", "remove"]),
  type: z.enum(["FWW", "LWW", "LWWN", "Set"]),
  name: Name,
  /** Any characters: the published client draws them from all that can be seen. */
  id: z.string().min(1).max(64),
  value: Value.optional(),
});
type Operation = z.infer<typeof Operation>;

const ResponseBody = z.object({
  response_to: z.string().startsWith(MESSAGES),
  response_to_node_id: NodeId,
  changes: z.array(Operation).min(1).max(MAX_CHANGES),
});
const InitialBody = z.array(Operation.extend({ identity_id: z.string().optional() })).max(MAX_CHANGES);

const State = z.object({
  adds: z.array(z.object({ value: Value, ids: z.array(z.string()).min(1) })),
  removes: z.array(z.string()),
});
type State = z.infer<typeof State>;
const Summary = z.record(z.string(), z.record(z.string(), State));
type Summary = z.infer<typeof Summary>;

/** An answer to one node of a message. */
export interface Response {
  readonly messageId: string;
  readonly nodeId: string;
  readonly operations: readonly Operation[];
}

/** The answer that a message is; null for all others, and for what no client of ours would take for one. */
export function responseIn(parts: readonly Pick<Part, "mimeType" | "body">[]): Response | null {
  const part = parts.find(({ mimeType }) => typeOf(mimeType) === RESPONSE_TYPE);
  const parsed = part && ResponseBody.safeParse(jsonOf(part.body));
  if (!parsed?.success) return null;
  const { response_to: messageUri, response_to_node_id: nodeId, changes } = parsed.data;
  return { messageId: messageUri.slice(MESSAGES.length).toLowerCase(), nodeId: uuidOf(nodeId), operations: changes };
}

/** Whether a part says that it is a summary, which only the server may say. */
export const isSummary = ({ mimeType }: Pick<Part, "mimeType">): boolean =>
  typeOf(mimeType) === SUMMARY_TYPE || attributeOf(mimeType, "role") === SUMMARY_ROLE;

interface Answer {
  readonly nodeId: string;
  readonly identityId: string;
  readonly operations: readonly Operation[];
}

/** The parts of a question after an answer, and the id of its summary; null where the answer changes nothing. */
export function withAnswer(
  parts: readonly Part[],
  { nodeId, identityId, operations }: Answer,
  { command, at }: { readonly command: string; readonly at: number | null },
): { readonly parts: Part[]; readonly changed: string } | null {
  const index = parts.findIndex((part) => isSummary(part) && attributeOf(part.mimeType, "parent-node-id") === nodeId);
  const kept = parts[index];
  const before = summaryOf(kept);
  const hers = operations.reduce<Readonly<Record<string, State>>>(applied, before[identityId] ?? {});
  const body = JSON.stringify({ ...before, [identityId]: hers } satisfies Summary);
  if (body === JSON.stringify(before)) return null;
  if (kept) {
    const next = { ...kept, body, updatedAt: at };
    return { parts: parts.map((part, place) => (place === index ? next : part)), changed: kept.partId };
  }
  const partId = madePartId(command, parts.length);
  const mimeType = `${SUMMARY_TYPE};role=${SUMMARY_ROLE};parent-node-id=${nodeId}`;
  return {
    parts: [...parts, { partId, mimeType, body, encoding: null, content: null, updatedAt: at }],
    changed: partId,
  };
}

/**
 * The parts of a question with what its sender says was answered from the start: `isTrusted`, by anybody; else by herself
 * alone, since nobody answers for another.
 */
export function withInitialAnswers(
  parts: readonly Part[],
  {
    identityId,
    isTrusted,
    command,
  }: { readonly identityId: string | null; readonly isTrusted: boolean; readonly command: string },
): Part[] {
  let all = [...parts];
  for (const { mimeType, body } of parts) {
    const nodeId = NodeId.safeParse(uuidOf(attributeOf(mimeType, "parent-node-id") ?? ""));
    const initial = typeOf(mimeType) === INITIAL_TYPE ? InitialBody.safeParse(jsonOf(body)) : null;
    if (!initial?.success || !nodeId.success) continue;
    for (const { identity_id: named, ...operation } of initial.data) {
      const answering = named ?? identityId;
      if (answering === null || (!isTrusted && answering !== identityId)) continue;
      const answer = { nodeId: nodeId.data, identityId: answering, operations: [operation] };
      all = withAnswer(all, answer, { command, at: null })?.parts ?? all;
    }
  }
  return all;
}

/** One more step. What was removed before it came stays removed, and what was applied before changes nothing. */
function applied(states: Readonly<Record<string, State>>, operation: Operation): Readonly<Record<string, State>> {
  const { name, type, id, value = null } = operation;
  const { adds, removes } = Object.hasOwn(states, name) ? (states[name] ?? EMPTY) : EMPTY;
  const withState = (state: State): Readonly<Record<string, State>> =>
    Object.hasOwn(states, name) || Object.keys(states).length < MAX_STATES
      ? { ...states, [name]: { ...state, removes: state.removes.slice(-MAX_REMOVES) } }
      : states;
  if (operation.operation === "remove") {
    if (type === "FWW" || type === "LWW" || removes.includes(id)) return states;
    return withState({ adds: withoutId(adds, id), removes: [...removes, id] });
  }
  if (removes.includes(id) || adds.some(({ ids }) => ids.includes(id))) return states;
  const added = { value, ids: [id] };
  if (adds.length === 0) return withState({ adds: [added], removes });
  if (type === "FWW") return withState({ adds, removes: [...removes, id] });
  if (type === "Set") {
    const same = adds.findIndex((one) => JSON.stringify(one.value) === JSON.stringify(value));
    if (same === -1) return adds.length < MAX_VALUES ? withState({ adds: [...adds, added], removes }) : states;
    return withState({
      adds: adds.map((one, place) => (place === same ? { value, ids: [...one.ids, id] } : one)),
      removes,
    });
  }
  return withState({ adds: [added], removes: [...removes, ...adds.flatMap(({ ids }) => ids)] });
}

const EMPTY: State = { adds: [], removes: [] };

const withoutId = (adds: State["adds"], id: string): State["adds"] =>
  adds.flatMap(({ value, ids }) => {
    const left = ids.filter((one) => one !== id);
    return left.length === 0 ? [] : [{ value, ids: left }];
  });

/** A summary that is none, a backend may have put it there, begins anew. */
function summaryOf(part: Pick<Part, "body"> | undefined): Summary {
  const parsed = part ? Summary.safeParse(jsonOf(part.body)) : null;
  return parsed?.success ? parsed.data : {};
}

function jsonOf(body: string | null): unknown {
  try {
    return JSON.parse(body ?? "null");
  } catch {
    return null;
  }
}

const typeOf = (mimeType: string): string => mimeType.split(";")[0]?.trim().toLowerCase() ?? "";

const attributeOf = (mimeType: string, name: string): string | null => {
  for (const attribute of mimeType.split(";").slice(1)) {
    const [key = "", value = ""] = attribute.split("=").map((text) => text.trim());
    if (key.toLowerCase() === name) return value;
  }
  return null;
};

/** Clients name a node by the last segment of its part's id. */
const uuidOf = (id: string): string => id.split("/").at(-1) ?? id;
