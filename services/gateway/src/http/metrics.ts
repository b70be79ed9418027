import { Histogram, type Registry } from "prom-client";

export interface RequestMetrics {
  readonly requestSeconds: Histogram<"method" | "route" | "status">;
}

export const requestMetrics = (registry: Registry): RequestMetrics => ({
  requestSeconds: new Histogram({
    name: "gateway_request_seconds",
    help: "Time from a request's headers to the end of its answer",
    labelNames: ["method", "route", "status"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
    registers: [registry],
  }),
});
