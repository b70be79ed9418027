import type { AuditEntry } from "@strata/contracts";
import { formatTime } from "@strata/layer-protocol";

/** What an act changed, under the names of the wire: of what lies deeper, names are the caller's own, such as categories. */
function factsView(facts: AuditEntry["before"], depth = 0): Record<string, unknown> | null {
  if (facts === null) return null;
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => {
      const wireName = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      if (name.endsWith("At") && typeof value === "number") return [wireName, formatTime(value)];
      return [wireName, depth === 0 && isObject(value) ? factsView(value, 1) : value];
    }),
  );
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const auditView = ({ entryId, at, action, appId, subject, actor, before, after }: AuditEntry) => ({
  id: entryId,
  at: formatTime(at),
  action,
  app_id: appId,
  subject,
  actor: actor && {
    kind: actor.kind,
    id: actor.id,
    token_id: actor.tokenId,
    address: actor.address,
    user_agent: actor.userAgent,
  },
  before: factsView(before),
  after: factsView(after),
});
