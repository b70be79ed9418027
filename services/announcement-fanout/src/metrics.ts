import { Counter, type Registry } from "prom-client";

/** What an operator sees of the way announcements give way to messages. */
export interface FanOutMetrics {
  readonly givenWay: Counter;
  readonly restSeconds: Counter;
}

export const fanOutMetrics = (registry: Registry): FanOutMetrics => ({
  givenWay: new Counter({
    name: "announcement_fanout_given_way_total",
    help: "How often fan-out was told that messages take longer than they should",
    registers: [registry],
  }),
  restSeconds: new Counter({
    name: "announcement_fanout_rest_seconds_total",
    help: "How long fan-out rested between its steps, as it begins and while messages take long",
    registers: [registry],
  }),
});
