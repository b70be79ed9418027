import type { GetSigningSecret, PayloadOf, ReplyOf, RotateSigningSecret } from "@strata/contracts";
import { type Handler, type Publisher, recordAct, reply } from "@strata/messaging";
import type { Signing } from "../signing.ts";
import type { SecretStore } from "../store/secret-store.ts";

interface Deps {
  readonly secrets: SecretStore;
  readonly signing: Pick<Signing, "secretOf">;
  readonly publisher: Pick<Publisher, "send">;
}

export const getSigningSecret =
  ({ secrets }: Pick<Deps, "secrets">): Handler<PayloadOf<typeof GetSigningSecret>, ReplyOf<typeof GetSigningSecret>> =>
  async ({ app }) =>
    reply(await secrets.find(app));

/** Answers the same secret however often the command comes, unless another has made a later one meanwhile. */
export const rotateSigningSecret =
  ({
    secrets,
    signing,
    publisher,
  }: Deps): Handler<PayloadOf<typeof RotateSigningSecret>, ReplyOf<typeof RotateSigningSecret>> =>
  async (delivery) => {
    const { app, id, payload } = delivery;
    const { overlapSeconds, at } = payload;
    const { generation } = await secrets.find(app);
    // Of the first nobody has the secret before it.
    const previousUntil = overlapSeconds === 0 || generation === 0 ? null : at + overlapSeconds * 1_000;
    const state = await secrets.rotate(app, id, { at, previousUntil });
    await recordAct(publisher, delivery, {
      action: "signing_secret.rotated",
      subject: { kind: "signing_secret", id: app },
      before: null,
      after: { overlapSeconds },
    });
    return reply({ ...state, secret: signing.secretOf(app, state.generation) });
  };
