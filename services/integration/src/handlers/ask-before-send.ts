import type { AskBeforeSend, BeforeSendVerdict, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { CallError } from "../call-url.ts";
import type { Circuits } from "../circuits.ts";
import { noVerdict, questionOf, verdictOf } from "../domain/before-send.ts";
import type { CallMetrics, WhyUnasked } from "../metrics.ts";
import type { CallBackend } from "../signed-call.ts";
import type { UnderWay } from "../under-way.ts";

interface Deps {
  readonly call: CallBackend;
  readonly underWay: UnderWay;
  readonly circuits: Circuits;
  readonly metrics: CallMetrics;
}

const TYPE = "message.before_send";

const UNASKED: Readonly<Record<WhyUnasked, string>> = {
  too_many: "too many calls of the app are under way",
  circuit_open: "it was not asked, since it had not answered several times in a row",
};

/** Asks an app's backend about a message. Nothing is tried twice: somebody waits. */
export function askBeforeSend({
  call,
  underWay,
  circuits,
  metrics,
}: Deps): Handler<PayloadOf<typeof AskBeforeSend>, ReplyOf<typeof AskBeforeSend>> {
  const unasked = (why: WhyUnasked): BeforeSendVerdict => {
    metrics.unasked.inc({ reason: why });
    return noVerdict(UNASKED[why]);
  };
  const heard = (verdict: BeforeSendVerdict): BeforeSendVerdict => {
    metrics.calls.inc({ type: TYPE, outcome: verdict.outcome });
    return verdict;
  };
  return async ({ app, id, payload }) => {
    const { url, timeoutMs } = payload.webhook;
    const question = { url, id, type: TYPE, data: questionOf(payload), timeoutMs };
    const ask = async (): Promise<BeforeSendVerdict> => {
      try {
        const answer = await circuits.run(app, url, () => call(app, question));
        return answer === null ? unasked("circuit_open") : heard(verdictOf(answer, payload));
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        return heard(noVerdict(error.message));
      }
    };
    return reply({ verdict: (await underWay.run(app, ask)) ?? unasked("too_many") });
  };
}
