import { z } from "zod";

/** The processes that may own a command or answer a query. One word per service, as in DESIGN.md section 2. */
export type ServiceName =
  | "gateway"
  | "directory"
  | "conversation"
  | "announcement-fanout"
  | "receipt-tracking"
  | "push-delivery"
  | "realtime"
  | "integration";

/** An imperative for exactly one service. The lane decides whose company it waits in. */
export interface Command<Payload, Reply> {
  readonly kind: "command";
  readonly service: ServiceName;
  readonly lane: string;
  readonly name: string;
  /** AMQP `type`: `<service>.<Name>.v<version>`. */
  readonly type: string;
  readonly payload: z.ZodType<Payload>;
  readonly reply: z.ZodType<Reply>;
  readonly isOrdered: boolean;
  /** Present on ordered lanes only: commands with the same key are handled one after the other, in the order sent. */
  readonly orderedBy?: (payload: Payload) => string;
}

/** A question to one service that changes nothing; unanswered after its deadline it is forgotten. */
export interface Query<Payload, Reply> {
  readonly kind: "query";
  readonly service: ServiceName;
  readonly name: string;
  readonly type: string;
  readonly payload: z.ZodType<Payload>;
  readonly reply: z.ZodType<Reply>;
  /** Its replies are long and taken as they come, all but a sample (docs/decisions/trusted-replies.md). */
  readonly isReplyTrusted: boolean;
}

/** A past fact. `consumedBy` names the durable queues that must exist before anyone may publish it. */
export interface Event<Payload> {
  readonly kind: "event";
  /** `<domain>.<entity>.<past tense>.v<n>`; the routing key is this and the app's id behind it. */
  readonly type: string;
  readonly producer: ServiceName;
  readonly payload: z.ZodType<Payload>;
  readonly consumedBy: readonly string[];
}

/** A command of whatever payload: what topology and start-up proofs need to know. */
export type AnyCommand = Omit<Command<unknown, unknown>, "orderedBy">;
export type AnyQuery = Query<unknown, unknown>;
export type AnyEvent = Event<unknown>;
export type AnyContract = AnyCommand | AnyQuery | AnyEvent;

export type PayloadOf<C> = C extends { payload: z.ZodType<infer P> } ? P : never;
export type ReplyOf<C> = C extends { reply: z.ZodType<infer R> } ? R : never;

interface CommandDefinition<Payload, Reply> {
  readonly service: ServiceName;
  readonly lane: string;
  readonly name: string;
  readonly version: number;
  readonly payload: z.ZodType<Payload>;
  readonly reply?: z.ZodType<Reply>;
  readonly orderedBy?: (payload: Payload) => string;
}

/** Declares a command. Without `reply`, a requester is answered with an empty object once the work is durable. */
export function defineCommand<Payload>(
  definition: Omit<CommandDefinition<Payload, EmptyReply>, "reply">,
): Command<Payload, EmptyReply>;
export function defineCommand<Payload, Reply>(definition: CommandDefinition<Payload, Reply>): Command<Payload, Reply>;
export function defineCommand<Payload>(
  definition: Omit<CommandDefinition<Payload, unknown>, "reply"> & { readonly reply?: z.ZodType },
): Command<Payload, unknown> {
  const { service, lane, name, version, payload, reply = EmptyReply, orderedBy } = definition;
  const type = `${service}.${name}.v${version}`;
  const base = { kind: "command", service, lane, name, type, payload, reply } as const;
  return orderedBy ? { ...base, isOrdered: true, orderedBy } : { ...base, isOrdered: false };
}

/** Declares a query of a service's own `<service>.queries` queue. */
export function defineQuery<Payload, Reply>(definition: {
  readonly service: ServiceName;
  readonly name: string;
  readonly version: number;
  readonly payload: z.ZodType<Payload>;
  readonly reply: z.ZodType<Reply>;
  readonly isReplyTrusted?: boolean;
}): Query<Payload, Reply> {
  const { service, name, version, payload, reply, isReplyTrusted = false } = definition;
  return { kind: "query", service, name, type: `${service}.${name}.v${version}`, payload, reply, isReplyTrusted };
}

/** Declares an event. `name` is `<domain>.<entity>.<past tense>`. */
export function defineEvent<Payload>(definition: {
  readonly name: string;
  readonly version: number;
  readonly producer: ServiceName;
  readonly payload: z.ZodType<Payload>;
  readonly consumedBy?: readonly string[];
}): Event<Payload> {
  const { name, version, producer, payload, consumedBy = [] } = definition;
  return { kind: "event", type: `${name}.v${version}`, producer, payload, consumedBy };
}

/** What a command without a reply of its own answers. */
export const EmptyReply = z.object({});
export type EmptyReply = z.infer<typeof EmptyReply>;

/** The queue of a command's lane; an ordered lane's queues carry `.<n>` behind it. */
export const laneQueue = (command: Pick<AnyCommand, "service" | "lane">): string =>
  `${command.service}.${command.lane}`;

/** The queue in which a service takes its queries. */
export const queryQueue = (service: ServiceName): string => `${service}.queries`;
