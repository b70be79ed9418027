import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const Listening = z.object({ fcmUrl: z.string(), controlUrl: z.string(), caFile: z.string() });

/** The local phone as a process of its own, so that what it does is nobody else's processor time. */
export interface PhoneProcess extends AsyncDisposable {
  readonly pid: number;
  readonly fcmUrl: string;
  readonly caFile: string;
  /** Its control API; an answer without a body is null. */
  control(method: "GET" | "POST", path: string): Promise<unknown>;
}

export async function startPhoneProcess(): Promise<PhoneProcess> {
  const dataDir = await mkdtemp(join(tmpdir(), "strata-phone-"));
  const main = fileURLToPath(new URL("../../../deploy/local/phone/src/main.ts", import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env["PATH"], PHONE_PORT: "0", PHONE_CONTROL_PORT: "0", PHONE_DATA_DIR: dataDir },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const first = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("close", () => reject(new Error("the phone ended before it listened")));
  });
  const { fcmUrl, controlUrl, caFile } = Listening.parse(JSON.parse(first));
  return {
    pid: child.pid ?? 0,
    fcmUrl,
    caFile,
    async control(method, path) {
      const response = await fetch(`${controlUrl}${path}`, { method });
      const text = await response.text();
      if (!response.ok) throw new Error(`phone: ${response.status} ${text}`);
      return text === "" ? null : JSON.parse(text);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
