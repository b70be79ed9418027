import { Counter, Gauge, type Registry } from "prom-client";

/** How many sockets there are, and why we closed others. */
export function socketMetrics(registry: Registry, size: () => number) {
  const open = new Gauge({
    name: "realtime_sockets",
    help: "Sockets that are open at this process",
    registers: [registry],
    collect() {
      this.set(size());
    },
  });
  const closed = new Counter({
    name: "realtime_sockets_closed_total",
    help: "Sockets that this process closed, by why",
    labelNames: ["reason"],
    registers: [registry],
  });
  return { open, closed };
}
