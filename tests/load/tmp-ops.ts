import { startPlatform } from "@strata/tests-platform";
import { closedLoop } from "./support/closed-loop.ts";
import { MongoClient } from "mongodb";
import { cpuSecondsByServiceOf, cpuByService } from "./support/processes.ts";
await using platform = await startPlatform("tmp-ops");
const app = await platform.createApp();
await platform.insertUsers(app.appId, ["ann", "bob"]);
const headers = { Authorization: `Bearer ${app.token}`, "Content-Type": "application/json" };
const base = `${platform.baseUrl}/apps/${app.appId}`;
const conv: string[] = [];
for (let i = 0; i < 100; i++) {
  const r: any = await (
    await fetch(`${base}/conversations`, {
      method: "POST",
      headers,
      body: JSON.stringify({ participants: ["layer:///identities/ann", "layer:///identities/bob"], distinct: false }),
    })
  ).json();
  conv.push(r.id.split("/").at(-1));
}
const body = JSON.stringify({
  sender_id: "layer:///identities/ann",
  parts: [{ mime_type: "text/plain", body: "Your order is on its way" }],
});
const send = (n: number) => ({
  method: "POST" as const,
  url: `${base}/conversations/${conv[n % 100]}/messages`,
  headers,
  body,
  expectedStatus: 201,
});
await closedLoop(50, 1000, send);
await new Promise((r) => setTimeout(r, 3000));
const m = await new MongoClient(process.env.MONGO_URL!).connect();
const admin = m.db("admin");
const snap = async () => {
  const t: any = (await admin.command({ top: 1 })).totals;
  const o: any = await admin.command({ serverStatus: 1 });
  return { t, o };
};
const a = await snap();
const N = 2000;
const c0 = cpuSecondsByServiceOf(platform);
const run = await closedLoop(50, N, send);
await new Promise((r) => setTimeout(r, 1500));
const b = await snap();
console.log(run.perSecond, cpuByService(c0, cpuSecondsByServiceOf(platform), N));
const names = new Set<string>(
  [
    "conversation",
    "realtime",
    "receipt-tracking",
    "push-delivery",
    "directory",
    "announcement-fanout",
    "integration",
  ].map((s) => platform.db(s as any).databaseName),
);
for (const [ns, v] of Object.entries<any>(b.t)) {
  if (!names.has(ns.split(".")[0]!)) continue;
  const p = a.t[ns];
  if (!p) continue;
  const d = (k: string) =>
    ((v[k].count - p[k].count) / N).toFixed(3) + "/" + ((v[k].time - p[k].time) / N).toFixed(0) + "us";
  if (v.total.count - p.total.count < 20) continue;
  console.log(
    ns.split(".").slice(0).join(".").slice(-60),
    "total",
    d("total"),
    "insert",
    d("insert"),
    "update",
    d("update"),
    "query",
    d("queries"),
    "cmd",
    d("commands"),
    "rm",
    d("remove"),
  );
}
console.log(
  "docs",
  Object.fromEntries(
    Object.entries<any>(b.o.metrics.document).map(([k, v]) => [k, (Number(v) - Number(a.o.metrics.document[k])) / N]),
  ),
  "op",
  Object.fromEntries(
    Object.entries<any>(b.o.opcounters)
      .filter(([k, v]) => typeof v === "number")
      .map(([k, v]) => [k, (v - a.o.opcounters[k]) / N]),
  ),
);
await m.close();
