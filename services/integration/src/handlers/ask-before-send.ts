import type { AskBeforeSend, BeforeSendVerdict, PayloadOf, ReplyOf } from "@strata/contracts";
import { type Handler, reply } from "@strata/messaging";
import { CallError } from "../call-url.ts";
import { noVerdict, questionOf, verdictOf } from "../domain/before-send.ts";
import type { CallMetrics } from "../metrics.ts";
import type { CallBackend } from "../signed-call.ts";
import type { UnderWay } from "../under-way.ts";

interface Deps {
  readonly call: CallBackend;
  readonly underWay: UnderWay;
  readonly metrics: CallMetrics;
}

const TYPE = "message.before_send";

/** Asks an app's backend about a message. Nothing is tried twice: somebody waits. */
export const askBeforeSend =
  ({ call, underWay, metrics }: Deps): Handler<PayloadOf<typeof AskBeforeSend>, ReplyOf<typeof AskBeforeSend>> =>
  async ({ app, id, payload }) => {
    const { url, timeoutMs } = payload.webhook;
    const ask = async (): Promise<BeforeSendVerdict> => {
      try {
        return verdictOf(await call(app, { url, id, type: TYPE, data: questionOf(payload), timeoutMs }), payload);
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        return noVerdict(error.message);
      }
    };
    const verdict = (await underWay.run(app, ask)) ?? noVerdict("too many calls of the app are under way");
    metrics.calls.inc({ type: TYPE, outcome: verdict.outcome });
    return reply({ verdict });
  };
