import { ChangeBlocks, type DecidedAction, ModerateMessage, UserMuted, UserWarned } from "@strata/contracts";
import type { Delivery, Publisher } from "@strata/messaging";
import { actingSince, type DecisionRow } from "../domain/decision.ts";
import { suspend } from "../handlers/suspend-user.ts";
import type { IdentityStore } from "../store/identity-store.ts";
import type { MuteStore } from "../store/mute-store.ts";

export interface ActingDeps {
  readonly identities: IdentityStore;
  readonly mutes: MuteStore;
  readonly publisher: Publisher;
}

/** One action of a decision, to be done or undone. */
interface Act {
  readonly decision: DecisionRow;
  readonly index: number;
  readonly cause: Delivery<unknown>;
}

/** How many commands of one action are under way at once. */
const SENT_AT_ONCE = 50;

/** Does an action; done again, it has the same effect, and whoever hears of it hears the same. */
export async function act(deps: ActingDeps, { action, targets }: DecidedAction, what: Act): Promise<void> {
  const { publisher, mutes } = deps;
  const { decision, cause } = what;
  const { app, userId, decisionId } = decision;
  const at = actingSince(decision);
  switch (action.kind) {
    case "warn":
      await publisher.emit(UserWarned, app, { userId, decisionId, text: action.text, at }, { id: idOf(what), cause });
      break;
    case "mute":
      await mutes.put(app, userId, { decisionId, until: at + action.seconds * 1_000 });
      await tellMute(deps, what, idOf(what));
      break;
    case "suspend":
      await setSuspended(deps, what, true, at);
      break;
    case "block_flaggers":
      await changeBlocks(publisher, what, targets, "block", at);
      break;
    case "hide_message":
      await setHidden(publisher, what, targets, true, at);
      break;
    case "webhook":
      break;
    default:
      action satisfies never;
  }
}

/** Undoes an action as far as it can be: it takes away this decision as a reason, and leaves what there are others for. */
export async function undo(deps: ActingDeps, { action, targets }: DecidedAction, what: Act): Promise<void> {
  const { publisher, mutes } = deps;
  const { decision } = what;
  const { app, userId, decisionId } = decision;
  const at = actingSince(decision);
  switch (action.kind) {
    case "mute":
      await mutes.remove(app, userId, decisionId);
      await tellMute(deps, what, `${idOf(what)}.undone`);
      break;
    case "suspend":
      await setSuspended(deps, what, false, at);
      break;
    case "block_flaggers":
      await changeBlocks(publisher, what, targets, "unblock", at);
      break;
    case "hide_message":
      await setHidden(publisher, what, targets, false, at);
      break;
    case "warn":
    case "webhook":
      // What was said is said.
      break;
    default:
      action satisfies never;
  }
}

export const canBeUndone = ({ action }: DecidedAction): boolean => action.kind !== "warn" && action.kind !== "webhook";

const idOf = ({ decision, index }: Act): string => `${decision.decisionId}.${index}`;

/** Until when she is muted now, whichever decisions it is by. */
async function tellMute({ publisher, mutes }: ActingDeps, { decision, cause }: Act, id: string): Promise<void> {
  const { app, userId, decisionId } = decision;
  const at = actingSince(decision);
  const mutedUntil = (await mutes.findMuted(app, [userId], at)).get(userId) ?? null;
  await publisher.emit(UserMuted, app, { userId, decisionId, mutedUntil, at }, { id, cause });
}

/** In her own lane, where this runs: as the command itself would. */
async function setSuspended(deps: ActingDeps, what: Act, isSuspended: boolean, at: number): Promise<void> {
  const { userId, decisionId } = what.decision;
  const id = `${idOf(what)}.${isSuspended ? "suspend" : "unsuspend"}`;
  await suspend(deps, { ...what.cause, id, payload: { userId, isSuspended, at } }, decisionId);
}

/** In the lanes of those who block her: nobody else writes their lists. */
async function changeBlocks(
  publisher: Publisher,
  { decision, index, cause }: Act,
  flaggers: readonly string[],
  kind: "block" | "unblock",
  at: number,
): Promise<void> {
  const { app, userId, decisionId } = decision;
  await inGroups(flaggers, (flagger, place) =>
    publisher.send(
      ChangeBlocks,
      app,
      { userId: flagger, changes: [{ kind, userId }], makeKnown: false, decisionId, at },
      { id: `${idOf({ decision, index, cause })}.${kind}.${place}`, cause },
    ),
  );
}

async function setHidden(
  publisher: Publisher,
  { decision, index, cause }: Act,
  messageIds: readonly string[],
  isHidden: boolean,
  at: number,
): Promise<void> {
  const places = new Map(decision.flags.map(({ messageId, conversationId }) => [messageId, conversationId]));
  await inGroups(messageIds, async (messageId, place) => {
    const conversationId = places.get(messageId) ?? null;
    if (conversationId === null) return;
    const id = `${idOf({ decision, index, cause })}.${isHidden ? "hide" : "show"}.${place}`;
    const hiding = { conversationId, messageId, by: decision.decisionId, isHidden, at };
    await publisher.send(ModerateMessage, decision.app, hiding, { id, cause });
  });
}

async function inGroups(targets: readonly string[], send: (target: string, place: number) => Promise<void>) {
  for (let from = 0; from < targets.length; from += SENT_AT_ONCE) {
    const some = targets.slice(from, from + SENT_AT_ONCE);
    await Promise.all(some.map((target, index) => send(target, from + index)));
  }
}
