import {
  DeletePushCredential,
  ListPushCredentials,
  PutPushCredential,
  type PushCredentialInfo,
  SendCanary,
} from "@strata/contracts";
import { formatOptionalTime, formatTime, LayerError, notFound } from "@strata/layer-protocol";
import { DomainError, seal } from "@strata/runtime";
import { z } from "zod";
import {
  parseCanary,
  parseCheck,
  parsePushCredential,
  PushCredentialBody,
  requireCredentialId,
} from "../domain/push-credential.ts";
import { type Answer, type Call, noContent, ok, type Route } from "../http/route.ts";
import { CanaryAnswerView, CanaryBody, PushCredentialView } from "../openapi/account-schemas.ts";
import { operation } from "../openapi/operation.ts";
import { AppPath, PushCredentialPath } from "../openapi/parameters.ts";
import { actorOf } from "./actor-of.ts";
import { ownedApp } from "./owned-app.ts";

interface Options {
  readonly credentialsKey: Buffer;
  readonly maxBodyBytes: number;
}

const collection = "/accounts/apps/:app/push_credentials";
const path = `${collection}/:push_credential`;
/** Above what push-delivery gives a provider, so that the caller hears what the provider did. */
const CHECK_DEADLINE_MS = 15_000;
const CANARY_DEADLINE_MS = 30_000;
const EXPIRES_SOON_MS = 30 * 86_400_000;

/** The credentials under which an app pushes, for who administers its account. */
export const pushCredentialRoutes = (options: Options): readonly Route[] => [
  listCredentials(),
  putCredential(options),
  getCredential(),
  deleteCredential(),
  sendCanary(options),
];

const putCredential = (options: Options): Route => ({
  method: "put",
  path,
  access: "account:write",
  maxBodyBytes: options.maxBodyBytes,
  operation: operation({
    id: "putPushCredential",
    tag: "Accounts",
    summary: "Set a credential under which an app pushes",
    description:
      "Sealed before it leaves the gateway, and never shown again. Its provider is asked first, with a push that no phone " +
      "gets: what it refuses is 422 with its own word, and what was set before stays in force. While the provider cannot " +
      "be asked the answer is 503 and nothing is stored, unless `check` is false.",
    path: PushCredentialPath,
    query: z.object({
      check: z.enum(["true", "false"]).optional().meta({ description: "false: stored without asking the provider" }),
    }),
    body: PushCredentialBody,
    answer: { status: 204, description: "Set" },
    errors: [404, 413, 422],
  }),
  handle: (call) => put(call, options.credentialsKey),
});

async function put(call: Call, credentialsKey: Buffer): Promise<Answer> {
  const { credential, expiresAt } = parsePushCredential(call.body);
  const credentialId = requireCredentialId(call.param("push_credential"));
  const check = parseCheck(call.query);
  const appId = await ownedApp(call);
  const sealed = seal(credentialsKey, JSON.stringify(credential));
  const command = { credentialId, kind: credential.kind, sealed, check, expiresAt, actor: actorOf(call) };
  try {
    await call.calls.within(CHECK_DEADLINE_MS).inApp(appId).request(PutPushCredential, command);
  } catch (error) {
    throw unaskedProvider(error) ?? error;
  }
  return noContent;
}

/** That our own services are up and a provider is not is worth saying: the caller can do without the check. */
function unaskedProvider(error: unknown): LayerError | null {
  if (!(error instanceof DomainError) || error.code !== "service_unavailable") return null;
  if (error.details["dependency"] !== "provider") return null;
  const message = `${error.message}. Nothing was stored; try again, or set it unchecked with ?check=false`;
  return new LayerError("service_unavailable", message, { headers: { "Retry-After": "5" }, cause: error });
}

const listCredentials = (): Route => ({
  method: "get",
  path: collection,
  access: "account:read",
  operation: operation({
    id: "listPushCredentials",
    tag: "Accounts",
    summary: "The credentials under which an app pushes, newest first",
    description: "Each with its state: whether its provider takes it, since when, and how many pushes wait for it.",
    path: AppPath,
    answer: { status: 200, description: "All of them, without their secrets", schema: z.array(PushCredentialView) },
    errors: [404],
  }),
  async handle(call) {
    const appId = await ownedApp(call);
    const { credentials } = await call.calls.inApp(appId).ask(ListPushCredentials, { credentialId: null });
    return ok(credentials.map((credential) => credentialView(call.wire.baseUrl, appId, credential)));
  },
});

const getCredential = (): Route => ({
  method: "get",
  path,
  access: "account:read",
  operation: operation({
    id: "getPushCredential",
    tag: "Accounts",
    summary: "One credential, without its secrets, and its state",
    path: PushCredentialPath,
    answer: { status: 200, description: "The credential", schema: PushCredentialView },
    errors: [404, 422],
  }),
  async handle(call) {
    const credentialId = requireCredentialId(call.param("push_credential"));
    const appId = await ownedApp(call);
    const { credentials } = await call.calls.inApp(appId).ask(ListPushCredentials, { credentialId });
    const [credential] = credentials;
    if (!credential) throw noCredential();
    return ok(credentialView(call.wire.baseUrl, appId, credential));
  },
});

const deleteCredential = (): Route => ({
  method: "delete",
  path,
  access: "account:write",
  operation: operation({
    id: "deletePushCredential",
    tag: "Accounts",
    summary: "Remove a credential",
    description:
      "Pushes that wait for it are tried at once: through another credential that serves their devices, else they fail " +
      "with `no_credential`. Removing it again changes nothing.",
    path: PushCredentialPath,
    answer: { status: 204, description: "Removed" },
    errors: [404, 422],
  }),
  async handle(call) {
    const credentialId = requireCredentialId(call.param("push_credential"));
    const appId = await ownedApp(call);
    const command = { credentialId, actor: actorOf(call) };
    const { isKnown } = await call.calls.inApp(appId).request(DeletePushCredential, command);
    if (!isKnown) throw noCredential();
    return noContent;
  },
});

const sendCanary = ({ maxBodyBytes }: Options): Route => ({
  method: "post",
  path: `${path}/canary`,
  access: "account:write",
  maxBodyBytes,
  operation: operation({
    id: "sendCanary",
    tag: "Accounts",
    summary: "Send one push through a credential and hear what its provider says",
    description:
      "Sent once, whatever the credential's state, to a registered device or to a token. The answer is 200 also where the " +
      "provider refuses it: `status` and `reason` are the provider's own. Nothing follows from it: no device is removed.",
    path: PushCredentialPath,
    body: CanaryBody,
    answer: { status: 200, description: "What the provider said", schema: CanaryAnswerView },
    errors: [404, 409, 413, 422],
  }),
  async handle(call) {
    const { target, notification } = parseCanary(call.wire.version, call.body);
    const credentialId = requireCredentialId(call.param("push_credential"));
    const appId = await ownedApp(call);
    const calls = call.calls.within(CANARY_DEADLINE_MS).inApp(appId);
    const said = await calls.request(SendCanary, { credentialId, target, notification });
    return ok({
      accepted: said.isAccepted,
      status: said.status,
      reason: said.reason,
      provider_id: said.providerId,
      duration_ms: said.durationMs,
    });
  },
});

const noCredential = (): LayerError => notFound("There is no such push credential");

function credentialView(baseUrl: string, appId: string, credential: PushCredentialInfo) {
  const { credentialId, kind, facts, expiresAt } = credential;
  return {
    id: credentialId,
    url: `${baseUrl}/accounts/apps/${appId}/push_credentials/${credentialId}`,
    kind,
    project_id: facts?.projectId ?? null,
    client_email: facts?.clientEmail ?? null,
    team_id: facts?.teamId ?? null,
    key_id: facts?.keyId ?? null,
    bundle_id: facts?.bundleId ?? null,
    environment: facts?.environment ?? null,
    public_key: facts?.publicKey ?? null,
    fingerprint: facts?.fingerprint ?? null,
    created_at: formatTime(credential.createdAt),
    changed_at: formatTime(credential.changedAt),
    expires_at: formatOptionalTime(expiresAt),
    expires_soon: expiresAt !== null && expiresAt < Date.now() + EXPIRES_SOON_MS,
    state: credential.state,
    state_since: formatTime(credential.since),
    reason: credential.reason,
    retry_at: formatOptionalTime(credential.retryAt),
    waiting_pushes: credential.waitingPushes,
  };
}
