// A dating app. Who matches gets a conversation that opens later, says something first, and closes after 24 hours.
import { setTimeout as wait } from "node:timers/promises";
import { type Api, apiOf, type App, identity, Refused, type Say, signUp, tell, uuidOf } from "./api.ts";

interface Schedule {
  readonly state: "scheduled" | "open" | "closed";
  readonly steps: readonly { readonly step: string; readonly state: string; readonly at: string }[];
}

const CUPID = { sender_id: identity("cupid") };
const HOUR = 3_600;
const text = (body: string) => ({ mime_type: "text/plain", body });
const QUESTION = {
  mime_type: "application/vnd.layer.choice+json; role=root; node-id=question",
  body: JSON.stringify({
    question: "Where would you meet?",
    choices: [
      { id: "cafe", text: "In a café" },
      { id: "park", text: "In the park" },
    ],
  }),
};
const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1_000).toISOString();

export async function dating(app: App, say: Say): Promise<void> {
  const api = apiOf(app);
  await signUp(api, { ann: "Ann", bob: "Bob", cleo: "Cleo", dan: "Dan", cupid: "Cupid" });

  const dropped = await match(api, "ann", "bob");
  await say("Ann and Bob match: they can talk in an hour", dropped);
  await api("DELETE", `/conversations/${dropped}/schedule`);
  await say("Bob has unmatched before: there never was a conversation", dropped);

  const id = await match(api, "cleo", "dan");
  await say("Cleo and Dan match: they can talk in an hour", id);
  // Both are in the app already, so it need not be an hour.
  await api("PATCH", `/conversations/${id}/schedule`, { opens_at: inSeconds(2) });
  await until(api, id, ({ state }) => state === "open");
  await say("It opens for 24 hours, with an ice-breaker and a question", id);

  // With the app's token a backend may speak for its users; in the app they do it themselves.
  await api("POST", `/users/cleo/conversations/${id}/messages`, { parts: [text("In the park, with a dog")] });
  await say("Cleo answers", id);

  // A day is long for an example: so it is over in an hour and a bit, and the warning is due.
  await api("PATCH", `/conversations/${id}/schedule`, { ttl_seconds: HOUR + 1 });
  await until(api, id, ({ steps }) => steps.some(({ step, state }) => step === "warn" && state === "done"));
  await say("They are warned: one hour left", id);

  // What is open for less than an hour cannot be warned of an hour before.
  await api("PATCH", `/conversations/${id}/schedule`, { expires_at: inSeconds(2), warning: null });
  await until(api, id, ({ state }) => state === "closed");
  await say("The window closes: it can be read for another day", id);

  const tooLate = api("POST", `/users/dan/conversations/${id}/messages`, { parts: [text("Sorry, which park?")] });
  await say(`Dan is too late: ${await reasonOf(tooLate)}`, id);
}

async function match(api: Api, one: string, other: string): Promise<string> {
  const conversation = await api<{ readonly id: string }>("POST", "/conversations", {
    participants: [identity(one), identity(other)],
    distinct: true,
    metadata: { kind: "match" },
    opens_at: inSeconds(HOUR),
    ice_breaker: [
      { ...CUPID, parts: [text("You like each other: say hello")], notification: { text: "You have a match" } },
      { ...CUPID, parts: [QUESTION] },
    ],
    ttl_seconds: 24 * HOUR,
    warning: { ...CUPID, before_seconds: HOUR, parts: [text("One hour left")] },
    grace_seconds: 24 * HOUR,
  });
  return uuidOf(conversation);
}

/** Each step is an event as well; a script may as well ask. */
async function until(api: Api, id: string, isSo: (schedule: Schedule) => boolean): Promise<void> {
  while (!isSo(await api<Schedule>("GET", `/conversations/${id}/schedule`))) await wait(200);
}

async function reasonOf(refused: Promise<unknown>): Promise<string> {
  try {
    await refused;
  } catch (error) {
    if (error instanceof Refused) return error.id;
    throw error;
  }
  return "it was taken";
}

if (import.meta.main) await tell(dating);
