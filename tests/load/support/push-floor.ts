// The floor of `bench push`, a process of its own as push-delivery is: nothing but node:http2. It sends the bodies it was
// given, over as many sessions and streams, and counts the 200s. It plans nothing, stores nothing, checks no payload, and
// gives up at the first answer that is another.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";
import { cpuUsage } from "node:process";
import type { FloorAnswer, FloorJob } from "./push-floor-client.ts";

process.on("message", (job: FloorJob) => {
  run(job).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ error: String(error) } satisfies FloorAnswer),
  );
});

async function run(job: FloorJob): Promise<FloorAnswer> {
  const ca = readFileSync(job.caFile, "utf8");
  const sessions = await Promise.all(Array.from({ length: job.sessions }, () => open(job.url, ca)));
  const pushes = job.pushes.values();
  const sender = async (session: ClientHttp2Session): Promise<void> => {
    for (const { path, body, headers } of pushes) {
      await send(session, { ":method": "POST", ":path": path, ...job.headers, ...headers }, body);
    }
  };
  const cpuBefore = cpuUsage();
  const startedAt = performance.now();
  await Promise.all(
    sessions.flatMap((session) => Array.from({ length: job.streamsPerSession }, () => sender(session))),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = cpuUsage(cpuBefore);
  for (const session of sessions) session.close();
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

async function open(url: string, ca: string): Promise<ClientHttp2Session> {
  const session = connect(url, { ca });
  await once(session, "remoteSettings");
  return session;
}

function send(session: ClientHttp2Session, headers: Readonly<Record<string, string>>, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers);
    let status: number | undefined;
    stream.on("response", (answer) => (status = answer[":status"]));
    stream.on("error", reject);
    stream.on("data", () => undefined);
    stream.on("end", () => {
      if (status === 200) resolve();
      else reject(new Error(`answered ${status}`));
    });
    stream.end(body);
  });
}
