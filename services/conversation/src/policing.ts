import { MessageFlagged, MessageRefused, type Part, type RefusedMessage, type RuleHit } from "@strata/contracts";
import type { Cause, Delivery, Publisher } from "@strata/messaging";
import type { MessageRow } from "./domain/message.ts";
import { judgeAsking } from "./domain/before-send.ts";
import { flagsOf, judge, type Judgement, messageRefused, withRates } from "./domain/message-policy.ts";
import { type Known, placeMessages, type Sending, type Verdict } from "./domain/sending.ts";
import { type TextPart, textsOf } from "./domain/policed-texts.ts";
import type { MessagePolicies } from "./message-policies.ts";
import type { MessageRates } from "./message-rates.ts";
import { refusalIdOf, type RefusedMessageStore } from "./store/refused-message-store.ts";

export interface PolicingDeps {
  readonly messagePolicies: Pick<MessagePolicies, "of">;
  readonly messageRates: MessageRates;
  readonly refusedMessages: RefusedMessageStore;
}

interface Command extends Cause {
  readonly id: string;
  readonly app: string;
}
type Sent = Delivery<Sending["payload"]>;

/** What policies have to do with messages that are being sent. */
export interface Policing {
  /**
   * What the policies of their apps make of messages, by their commands; only of those that a policy has to do with. What was
   * refused before stays refused, whatever the policy says by now: asked for where commands come again.
   */
  judged(sendings: readonly Sent[], distrusting: boolean): Promise<ReadonlyMap<string, Judgement>>;
  /** The same with rates counted, of the messages that would be placed otherwise. */
  counted(sendings: readonly Sending[], known: Known): Promise<Known>;
  /** Logs what was refused, and tells backends. */
  refuse(publisher: Publisher, sendings: readonly Sent[], verdicts: readonly Verdict[]): Promise<void>;
  /** Tells backends of messages that rules flag. */
  flag(publisher: Publisher, sent: readonly { readonly row: MessageRow; readonly cause: Cause }[]): Promise<void>;
  /** The parts after a change, as far as the policy lets it be made. Throws `message_refused`, logged and told. */
  changed(publisher: Publisher, change: Change): Promise<Changed>;
}

/** Parts that the backend changes, and those of them that are new or other than before. */
export interface Change {
  readonly command: Command & { readonly isRedelivered: boolean };
  readonly message: MessageRow;
  readonly parts: Part[];
  readonly changed: readonly string[];
}

export interface Changed {
  readonly parts: Part[];
  readonly hits: RuleHit[];
}

/** Of a refused message's text. */
const KEPT_CHARACTERS = 2_000;

export function policing(deps: PolicingDeps): Policing {
  const { messageRates } = deps;
  return {
    async judged(sendings, distrusting) {
      const judgements = new Map<string, Judgement>();
      for (const sending of sendings) {
        const compiled = await deps.messagePolicies.of(sending.app);
        if (compiled) judgements.set(sending.id, judgeAsking(compiled, sending.payload));
      }
      const again = sendings.filter(({ isRedelivered }) => distrusting || isRedelivered);
      for (const { sending, refusal } of await findRefusals(deps, again)) {
        judgements.set(sending.id, refusedAgain(sending.payload, refusal));
      }
      return judgements;
    },
    async counted(sendings, known) {
      if (![...known.judgements.values()].some(({ rates }) => rates.length > 0)) return known;
      const verdicts = placeMessages(sendings, known);
      const questions = sendings.flatMap((sending, index) => {
        const verdict = verdicts[index];
        if (verdict?.kind !== "sent" || !verdict.isNew) return [];
        return (known.judgements.get(sending.id)?.rates ?? []).map((rule) => ({ sending, rule }));
      });
      const exceeded = await messageRates.count(questions, known.now);
      const judgements = [...known.judgements].map(
        ([id, judgement]) => [id, withRates(judgement, ({ name }) => exceeded.get(id)?.has(name) ?? false)] as const,
      );
      return { ...known, judgements: new Map(judgements) };
    },
    async refuse(publisher, sendings, verdicts) {
      await Promise.all(
        verdicts.map(async (verdict, index) => {
          const sending = sendings[index];
          if (verdict.kind !== "refused" || !verdict.judgement || !sending) return;
          await logRefusal(deps, publisher, sending, { ...sending.payload, judgement: verdict.judgement });
        }),
      );
    },
    async flag(publisher, sent) {
      await Promise.all(
        sent.map(({ row, cause }) => tellFlagged(publisher, row, row.hits, { id: row.by, cause, at: row.sentAt })),
      );
    },
    changed: (publisher, change) => policedChange(deps, publisher, change),
  };
}

async function findRefusals({ refusedMessages }: Pick<PolicingDeps, "refusedMessages">, sendings: readonly Sent[]) {
  const perApp = [...Map.groupBy(sendings, ({ app }) => app)].map(async ([app, some]) => {
    const byId = new Map(some.map((sending) => [refusalIdOf(sending.id), sending]));
    const found = await refusedMessages.findMany(app, [...byId.keys()]);
    return found.flatMap((refusal) => {
      const sending = byId.get(refusal.refusalId);
      return sending ? [{ sending, refusal }] : [];
    });
  });
  return (await Promise.all(perApp)).flat();
}

const refusedAgain = ({ parts, notification }: Sending["payload"], { rule, hits }: RefusedMessage): Judgement => ({
  parts,
  notification,
  hits,
  refusedBy: rule,
  rates: [],
});

/** Only what a change brings is looked at, and all that there would be is measured. Rates count messages, no changes. */
async function policedChange(deps: PolicingDeps, publisher: Publisher, change: Change): Promise<Changed> {
  const { command, message, parts, changed } = change;
  const compiled = await deps.messagePolicies.of(command.app);
  const [before] = command.isRedelivered
    ? await deps.refusedMessages.findMany(command.app, [refusalIdOf(command.id)])
    : [];
  const isNew = new Set(changed);
  const news = parts.filter(({ partId }) => isNew.has(partId));
  const draft = {
    sender: message.sender,
    authority: "backend",
    parts: news,
    notification: null,
    whole: parts,
  } as const;
  const judgement = compiled ? judge(compiled, draft) : { parts: news, hits: [], refusedBy: null };
  const refusedBy = before?.rule ?? judgement.refusedBy;
  if (refusedBy !== null) {
    const { conversation: conversationId, messageId } = message;
    const refused = { conversationId, messageId, sender: null, parts: news, judgement: { ...judgement, refusedBy } };
    await logRefusal(deps, publisher, command, refused);
    throw messageRefused(refusedBy);
  }
  const judged = new Map(judgement.parts.map((part) => [part.partId, part]));
  return { parts: parts.map((part) => judged.get(part.partId) ?? part), hits: [...judgement.hits] };
}

/** What is refused: a message, or a change of its parts by the backend. */
interface Refused {
  readonly conversationId: string;
  readonly messageId: string;
  readonly sender: RefusedMessage["sender"];
  readonly parts: readonly TextPart[];
  readonly judgement: Pick<Judgement, "refusedBy" | "hits">;
}

/** Logs a refusal and tells the backend of it, both of them the same however often the command comes. */
async function logRefusal(
  { messagePolicies, refusedMessages }: PolicingDeps,
  publisher: Publisher,
  command: Command,
  { conversationId, messageId, sender, parts, judgement }: Refused,
): Promise<void> {
  const { app, id } = command;
  const isKept = (await messagePolicies.of(app))?.policy.isRefusedTextKept ?? false;
  const refusalId = refusalIdOf(id);
  const mine: RefusedMessage = {
    refusalId,
    conversationId,
    messageId,
    sender,
    rule: judgement.refusedBy ?? "",
    hits: [...judgement.hits],
    text: isKept ? textsOf(parts).join("\n").slice(0, KEPT_CHARACTERS).toWellFormed() : null,
    at: Date.now(),
  };
  await refusedMessages.insertMissing(app, [mine]);
  const { text: _, hits: __, ...told } = (await refusedMessages.findMany(app, [refusalId]))[0] ?? mine;
  await publisher.emit(MessageRefused, app, told, { id: `${id}.message-refused`, cause: command });
}

/** Tells the backend of what rules flag: in a message as it was placed, or in a change of it. */
export async function tellFlagged(
  publisher: Publisher,
  row: Pick<MessageRow, "app" | "conversation" | "messageId" | "position" | "sender">,
  hits: readonly RuleHit[],
  { id, cause, at }: { readonly id: string; readonly cause: Cause; readonly at: number },
): Promise<void> {
  const rules = flagsOf(hits);
  if (rules.length === 0) return;
  const { app, conversation: conversationId, messageId, position, sender } = row;
  const flagged = { conversationId, messageId, position, sender, rules, at };
  await publisher.emit(MessageFlagged, app, flagged, { id: `${id}.message-flagged`, cause });
}
