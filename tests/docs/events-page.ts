import { readdirSync, readFileSync } from "node:fs";
import * as contracts from "@strata/contracts";
import { z } from "zod";

const root = new URL("../../", import.meta.url);
const sources = new URL("packages/contracts/src/", root);

const Schema = z.object({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  format: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  get items() {
    return Schema.optional();
  },
  get properties() {
    return z.record(z.string(), Schema).optional();
  },
  get anyOf() {
    return z.array(Schema).optional();
  },
  get oneOf() {
    return z.array(Schema).optional();
  },
  required: z.array(z.string()).optional(),
});
type Schema = z.infer<typeof Schema>;

const schemas = contracts.jsonSchemas();

/** The sentences that stand above a contract in packages/contracts: said once, shown here. */
function descriptions(): ReadonlyMap<string, string> {
  const comments = new Map<string, string>();
  for (const file of readdirSync(sources).filter((name) => name.endsWith(".ts"))) {
    const source = readFileSync(new URL(file, sources), "utf8");
    const found = source.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*export const (\w+) = define(?:Command|Query|Event)/g);
    for (const [, comment = "", name = ""] of found) {
      comments.set(name, comment.replaceAll(/\s*\n\s*\*\s*/g, " ").trim());
    }
  }
  const byType = new Map<string, string>();
  for (const [name, value] of Object.entries(contracts)) {
    const contract = contracts.catalogue.find((one) => one === (value as unknown));
    if (contract) byType.set(contract.type, comments.get(name) ?? "");
  }
  return byType;
}

/** A schema in a few words: what a consumer needs to know before it reads the JSON Schema itself. */
function inWords(schema: Schema): string {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map(inWords))].join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${schema.items ? inWords(schema.items) : "anything"}`;
  if (schema.properties) return `{${fieldNames(schema)}}`;
  return schema.format === "uuid" ? "uuid" : String(schema.type ?? "anything");
}

function fieldNames({ properties = {}, required = [] }: Schema): string {
  const names = Object.keys(properties).map((name) => (required.includes(name) ? name : `${name}?`));
  return names.join(", ");
}

const code = (text: string): string => (text === "" ? "" : `\`${text}\``);
const cell = (text: string): string => text.replaceAll("|", "\\|");
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.map(cell).join(" | ")} |`).join("\n");

const payloadOf = (type: string): Schema => Schema.parse(schemas[type]?.payload);
const replyOf = (type: string): Schema => Schema.parse(schemas[type]?.reply ?? {});

function fieldsOf(type: string): string {
  const { properties = {}, required = [] } = payloadOf(type);
  const rows = Object.entries(properties).map(([name, schema]) => [
    code(name),
    required.includes(name) ? inWords(schema) : `${inWords(schema)}, optional`,
  ]);
  return table(["field", "what it holds"], rows);
}

/** The text of docs/events.md, from the catalogue alone: an event that is not in it is not sent. */
export function eventsPage(): string {
  const says = descriptions();
  const events = contracts.catalogue.filter((contract) => contract.kind === "event");
  const commands = contracts.catalogue.filter((contract) => contract.kind === "command");
  const queries = contracts.catalogue.filter((contract) => contract.kind === "query");
  const description = (type: string): string => says.get(type) ?? "";
  return `${PREFACE}
## Events

${table(
  ["event", "published by", "our queues that take it"],
  events.map(({ type, producer, consumedBy }) => [
    `[${type}](#${type.replaceAll(".", "")})`,
    producer,
    consumedBy.map(code).join(", "),
  ]),
)}

${events.map(({ type }) => `### ${type}\n\n${description(type)}\n\n${fieldsOf(type)}`).join("\n\n")}

## Commands

For our own services only: another team's user may not publish them. A command goes to \`strata.commands\` with its lane's queue as
routing key.

${table(
  ["command", "queue", "payload", "reply", "what it does"],
  commands.map((command) => [
    code(command.type),
    `${code(contracts.laneQueue(command))}${command.isOrdered ? " (ordered)" : ""}`,
    fieldNames(payloadOf(command.type)),
    fieldNames(replyOf(command.type)),
    description(command.type),
  ]),
)}

## Queries

A query goes to \`strata.queries\` with the service's name as routing key, and is forgotten after its deadline.

${table(
  ["query", "payload", "reply", "what it asks"],
  queries.map(({ type }) => [code(type), fieldNames(payloadOf(type)), fieldNames(replyOf(type)), description(type)]),
)}
`;
}

const PREFACE = `# Commands, queries and events

Everything that travels between services, from the catalogue in \`packages/contracts\`. This page is generated
(\`node tests/docs/generate-events.ts\`, Node 24), and a test keeps it current. JSON Schemas of every payload are in
[packages/contracts/released.json](../packages/contracts/released.json), one example of each in
[packages/contracts/fixtures.json](../packages/contracts/fixtures.json).

## The envelope

What is about a message stands in its AMQP properties and headers; the body is the payload alone, as JSON.

| where | what |
| --- | --- |
| exchange and routing key of an event | \`strata.events\`, \`<type>.<app id>\`: bind with \`<type>.*\` for all apps |
| \`messageId\` | the event's id, the same when it is published again |
| \`type\` | for example \`announcement.batch.stored.v1\` |
| \`appId\` | the app it belongs to; \`00000000-0000-0000-0000-000000000000\` where it belongs to an account and no app |
| \`timestamp\` | when it was published, in milliseconds |
| \`correlationId\` | the id of what caused it, where there is one |
| header \`traceparent\` | W3C trace context |
| headers \`cloudEvents_*\` | the CloudEvents 1.0 attributes, events only: id, source, type, time, specversion, and the app as subject |
| header \`strata-subject-version\` | where the event is about something with a version: its version after the change |

### Several events in one message

Events of one type and app that are published at the same moment go as one message: an array, in CloudEvents' batched content
mode. Its content type is \`application/cloudevents-batch+json\` (of an event by itself \`application/json\`), its \`type\` and
\`appId\` are those of all its events, its \`messageId\` is its own. It holds at most 100 events of at most 8 kB each, and no more than 64 kB of payloads. Each event has its
attributes beside its payload: \`specversion\`, \`id\`, \`source\`, \`type\`, \`subject\`, \`time\`, \`traceparent\`, \`data\` (the payload), and,
where there is one, \`correlationid\` and \`subjectversion\`. Whoever takes events must take both forms; a message that comes again
brings all of its events again. Commands and queries are never packed.

Within a version fields are only added, and values to what has one of several (the kind of a receipt, a state). Consumers ignore
a field that they do not know, and acknowledge what has a value that they do not know: it is about something they have no part
in. Our own are rolled out before whoever begins to publish such a value. Anything else is a new version beside the old one. An event may come again; facts are told apart by what the event says below, not by its id alone.
`;
