import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @throws Error that says what to do where there is none */
export function findChromium(): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const found = PROGRAMS.flatMap((program) => folders.map((folder) => join(folder, program))).find(isProgram);
  if (found !== undefined) return found;
  throw new Error("this test needs Chromium on the PATH. `npm test`, as root on Debian, installs it.");
}

/** The machine's Chromium, without a window. Each user gets a context of her own in it. */
export const openBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: [
      // XDK's dates throw without a proper locale.
      "--lang=en-US",
      // Tests run as root in containers, where Chromium's sandbox cannot start; it loads only pages of ours.
      "--no-sandbox",
      "--disable-dev-shm-usage",
    ],
  });
