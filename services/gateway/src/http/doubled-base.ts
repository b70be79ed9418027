import { isClientPath } from "./client-cors.ts";

/**
 * The XDK takes a URL for relative that has no `https://` in it, and puts its base before it once more (client API 1.2): over
 * plain HTTP, `/http://localhost/identities/ann`. Of such a path this keeps what follows the last base. Anything but the
 * Client API is out of its reach, so that nobody gets to the paths of backends past what guards them in front of us.
 */
export function withoutDoubledBase(url: string, basePath: string): string {
  const [path = ""] = url.split("?", 1);
  const at = Math.max(path.lastIndexOf("http://"), path.lastIndexOf("https://"));
  if (at <= 0) return url;
  const below = path.slice(at).replace(/^https?:\/\/[^/]*/, "");
  const kept = basePath !== "" && below.startsWith(`${basePath}/`) ? below.slice(basePath.length) : below;
  return kept.startsWith("/") && isClientPath(kept) ? kept + url.slice(path.length) : url;
}
