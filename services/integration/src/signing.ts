import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import type { SecretStore } from "./store/secret-store.ts";

/** Signs calls as Standard Webhooks has it, with the secrets of apps. Secrets are not stored: they follow from one key. */
export interface Signing {
  /** The app's secret of a generation: `whsec_` and base64. */
  secretOf(app: string, generation: number): string;
  /** The headers of a call: its id, its time, and its signature; two of them while an old secret is still good. */
  headers(app: string, call: { readonly id: string; readonly body: string; readonly at: Date }): Promise<Headers>;
}

type Headers = Readonly<Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>>;

export function signing(key: Buffer, secrets: Pick<SecretStore, "find">): Signing {
  const secretOf = (app: string, generation: number): string =>
    `whsec_${createHmac("sha256", key).update(`${app}/${generation}`).digest("base64")}`;
  return {
    secretOf,
    async headers(app, { id, body, at }) {
      const { generation, previousUntil } = await secrets.find(app);
      const isPreviousGood = previousUntil !== null && previousUntil > at.getTime();
      const generations = isPreviousGood ? [generation, generation - 1] : [generation];
      const signatures = generations.map((one) => new Webhook(secretOf(app, one)).sign(id, at, body));
      return {
        "webhook-id": id,
        "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
        "webhook-signature": signatures.join(" "),
      };
    },
  };
}
