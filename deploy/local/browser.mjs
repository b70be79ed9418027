// Chromium, in which the published Layer clients are tested. Only those tests need it.
import { onPath } from "./processes.mjs";
import { Advice } from "./say.mjs";
import { canInstallPackages, installPackages } from "./stack/debian.mjs";

const findChromium = () => onPath("chromium", "chromium-browser", "google-chrome-stable", "google-chrome");

/**
 * The browser on the PATH, installed if need be; an error that says what to install where that cannot be done.
 * @returns {Promise<string>} the path of the program
 */
export async function provideChromium() {
  if (findChromium() === undefined && canInstallPackages()) await installPackages(["chromium"]);
  const chromium = findChromium();
  if (chromium === undefined) throw new Advice(advice);
  return chromium;
}

const advice = [
  "Chromium is missing; only tests/clients needs it. One of these helps:",
  "  - put chromium (or google-chrome) on the PATH, or",
  "  - on Debian, run this command once as root: it installs the package chromium.",
].join("\n");
