import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { addIdentityProvider, type Platform, type TestApp } from "@strata/tests-platform";
import { expect } from "chai";
import { z } from "zod";

type Story = (
  app: { readonly baseUrl: string; readonly appId: string; readonly token: string },
  say: (what: string, id: string) => Promise<void>,
) => Promise<void>;

/** Runs a script of examples/stories. It goes on from each step when that is checked; it has these and no others. */
export async function follow(
  story: Story,
  { baseUrl }: Platform,
  { appId, token }: TestApp,
  checks: Readonly<Record<string, (id: string) => Promise<void>>>,
): Promise<void> {
  const said: string[] = [];
  await story({ baseUrl, appId, token }, async (what, id) => {
    said.push(what);
    await checks[what]?.(id);
  });
  expect(said).to.deep.equal(Object.keys(checks));
}

/** What the script itself prints, started as its README says, without the ids. */
export async function printed(
  script: string,
  { baseUrl }: Platform,
  { appId, token }: TestApp,
): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.resolve(script))], {
    env: { PATH: process.env["PATH"], STRATA_BASE_URL: baseUrl, STRATA_APP_ID: appId, STRATA_TOKEN: token },
  });
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/ \([0-9a-f-]{36}\)$/, ""));
}

const Conversation = z.object({
  id: z.string(),
  unread_message_count: z.number(),
  participants: z.array(z.object({ user_id: z.string() })),
});
const Message = z.object({
  is_unread: z.boolean(),
  sender: z.object({ user_id: z.string() }),
  parts: z.array(z.object({ mime_type: z.string(), body: z.string() })),
});
const Failure = z.object({ id: z.string() });

export interface Eyes {
  /** The ids of her conversations. */
  conversations(): Promise<readonly string[]>;
  conversation(id: string): Promise<z.infer<typeof Conversation>>;
  /** Oldest first: from whom, and what the last part says. */
  messages(id: string): Promise<readonly string[]>;
  /** Oldest first: what their first parts are, and whether she has read them. */
  cards(
    id: string,
  ): Promise<readonly { readonly mimeType: string; readonly card: string; readonly isUnread: boolean }[]>;
  /** The id of the error where she looks at it or writes into it. */
  refusal(method: "GET" | "POST", id: string): Promise<string>;
}

/** What one user sees over REST. */
export function eyesOf({ baseUrl }: Platform, { appId, token }: TestApp, userId: string): Eyes {
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${baseUrl}/apps/${appId}/users/${userId}/conversations${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/vnd.layer+json; version=3.0",
        "content-type": "application/json",
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return response.json();
  };
  const messages = async (id: string) =>
    z
      .array(Message)
      .parse(await ask("GET", `/${id}/messages?page_size=100`))
      .toReversed();
  return {
    conversations: async () =>
      z
        .array(Conversation)
        .parse(await ask("GET", ""))
        .map(({ id }) => id),
    conversation: async (id) => Conversation.parse(await ask("GET", `/${id}`)),
    messages: async (id) => (await messages(id)).map(({ sender, parts }) => `${sender.user_id}: ${parts.at(-1)?.body}`),
    cards: async (id) =>
      (await messages(id)).map(({ parts, is_unread: isUnread }) => ({
        mimeType: parts[0]?.mime_type ?? "",
        card: parts[0]?.body ?? "",
        isUnread,
      })),
    refusal: async (method, id) =>
      Failure.parse(
        method === "GET"
          ? await ask("GET", `/${id}`)
          : await ask("POST", `/${id}/messages`, { parts: [{ mime_type: "text/plain", body: "hello" }] }),
      ).id,
  };
}

const Packet = z.object({ type: z.string(), body: z.unknown() });
const Change = z.object({ operation: z.string(), object: z.object({ type: z.string() }) });

export interface Ears extends AsyncDisposable {
  /** What she was told of a conversation: `create Message`. */
  about(id: string): readonly string[];
}

/** Logs a user in, and opens a socket as her app does. */
export async function earsOf(
  { baseUrl, websocketUrl, account }: Platform,
  appId: string,
  userId: string,
): Promise<Ears> {
  const backend = await addIdentityProvider(account, appId);
  const post = async (path: string, body?: unknown): Promise<unknown> => {
    const headers = { accept: "application/vnd.layer+json; version=3.0", "content-type": "application/json" };
    const response = await fetch(`${baseUrl}${path}`, { method: "POST", headers, body: JSON.stringify(body ?? {}) });
    return response.json();
  };
  const { nonce } = z.object({ nonce: z.string() }).parse(await post("/nonces"));
  const answer = await post("/sessions", { identity_token: backend.token(userId, nonce), app_id: appId });
  const { session_token: session } = z.object({ session_token: z.string() }).parse(answer);

  const socket = new WebSocket(`${websocketUrl}/?session_token=${session}&client-id=${randomUUID()}`, "layer-3.0");
  const heard: { readonly what: string; readonly text: string }[] = [];
  socket.addEventListener("message", ({ data }) => {
    const text = String(data);
    const { type, body } = Packet.parse(JSON.parse(text));
    if (type !== "change") return;
    const { operation, object } = Change.parse(body);
    heard.push({ what: `${operation} ${object.type}`, text });
  });
  const closed = new Promise<void>((resolve) => socket.addEventListener("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new Error("the socket was refused")));
  });
  return {
    about: (id) => heard.filter(({ text }) => text.includes(id)).map(({ what }) => what),
    async [Symbol.asyncDispose]() {
      socket.close();
      await closed;
    },
  };
}
