import { PutPushCredential } from "@strata/contracts";
import { seal } from "@strata/runtime";
import { parsePushCredential, PushCredentialBody, requireCredentialId } from "../domain/push-credential.ts";
import { type Answer, type Call, noContent, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { PushCredentialPath } from "../openapi/parameters.ts";
import { ownedApp } from "./owned-app.ts";

interface Options {
  readonly credentialsKey: Buffer;
  readonly maxBodyBytes: number;
}

export const putPushCredential = (options: Options): Route => ({
  method: "put",
  path: "/accounts/apps/:app/push_credentials/:push_credential",
  access: "account:admin",
  maxBodyBytes: options.maxBodyBytes,
  operation: operation({
    id: "putPushCredential",
    tag: "Accounts",
    summary: "Set the credential under which an app pushes through FCM or APNs",
    description: "Sealed before it leaves the gateway, and never shown again.",
    path: PushCredentialPath,
    body: PushCredentialBody,
    answer: { status: 204, description: "Set" },
    errors: [404, 413, 422],
  }),
  handle: (call) => put(call, options.credentialsKey),
});

async function put(call: Call, credentialsKey: Buffer): Promise<Answer> {
  const credential = parsePushCredential(call.body);
  const credentialId = requireCredentialId(call.param("push_credential"));
  const appId = await ownedApp(call);
  const sealed = seal(credentialsKey, JSON.stringify(credential));
  await call.calls.inApp(appId).request(PutPushCredential, { credentialId, kind: credential.kind, sealed });
  return noContent;
}
