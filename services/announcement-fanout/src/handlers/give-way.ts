import type { MessageDelayed, PayloadOf } from "@strata/contracts";
import { ack, type Handler } from "@strata/messaging";
import type { Restraint } from "../domain/restraint.ts";
import type { FanOutMetrics } from "../metrics.ts";

interface Deps {
  readonly restraint: Pick<Restraint, "giveWay">;
  readonly metrics: Pick<FanOutMetrics, "givenWay">;
}

/** Whoever waits shares brokers and databases with us, whichever app he is of. */
export const giveWay =
  ({ restraint, metrics }: Deps): Handler<PayloadOf<typeof MessageDelayed>, never> =>
  async () => {
    restraint.giveWay();
    metrics.givenWay.inc();
    return ack;
  };
