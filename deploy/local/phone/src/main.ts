import { z } from "zod";
import { startPhone } from "./index.ts";

const Port = z.coerce.number().int().min(0).max(65_535);
const Env = z.object({
  PHONE_PORT: Port,
  PHONE_CONTROL_PORT: Port,
  PHONE_DATA_DIR: z.string().min(1),
  PHONE_MAX_CONCURRENT_STREAMS: z.coerce.number().int().min(1).default(1_000),
});

const parsed = Env.safeParse(process.env);
if (!parsed.success) {
  console.error(z.prettifyError(parsed.error));
  process.exit(2);
}
const env = parsed.data;
const phone = await startPhone({
  port: env.PHONE_PORT,
  controlPort: env.PHONE_CONTROL_PORT,
  dataDir: env.PHONE_DATA_DIR,
  maxConcurrentStreams: env.PHONE_MAX_CONCURRENT_STREAMS,
});
// One JSON line, like the services' logs, so that the start script can wait for it.
console.log(
  JSON.stringify({
    level: "info",
    message: "phone listening",
    fcmUrl: phone.fcmUrl,
    controlUrl: phone.controlUrl,
    caFile: phone.caFile,
  }),
);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    phone.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
}
