// Clients of `bench realtime`, in a process of their own: what they do is nobody else's processor time or memory.
import { ClientGroup } from "./client-group.ts";
import type { Answer, Ask, Report, Request } from "./protocol.ts";

const groups = new Map<string, ClientGroup>();
const say = (answer: Answer): void => void process.send?.(answer);

process.on("message", ({ n, ask }: Request) => {
  perform(ask).then(
    (report) => say({ n, report }),
    (error: unknown) => say({ n, error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
say({ n: 0, isUp: true });

async function perform(ask: Ask): Promise<Report> {
  const group = groups.get(ask.group) ?? new ClientGroup();
  groups.set(ask.group, group);
  switch (ask.kind) {
    case "open":
      await group.open(ask.urls);
      break;
    case "watch":
      group.watch(ask.marker, ask.records ?? false);
      break;
    case "reached":
      await group.reached(ask.deadlineMs);
      break;
    case "return":
      await group.return(ask.since, ask.deadlineMs);
      break;
    case "drop":
      group.drop();
      break;
    case "report":
      break;
  }
  return group.report();
}
