import { readFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import { importPKCS8, SignJWT } from "jose";
import { z } from "zod";

/** The phone's own credentials, as its control API shows them. */
export const CredentialFiles = z.object({
  service_account: z.looseObject({
    type: z.literal("service_account"),
    project_id: z.string(),
    private_key_id: z.string(),
    private_key: z.string(),
    client_email: z.string(),
    token_uri: z.string(),
  }),
  apns_key: z.object({ keyId: z.string(), teamId: z.string(), topic: z.string(), key: z.string() }),
});
export type CredentialFiles = z.infer<typeof CredentialFiles>;

const AccessToken = z.object({ access_token: z.string() });
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const SCOPE = "https://www.googleapis.com/auth/firebase.messaging";

/** The `authorization` that this phone accepts for pushes: a signed token for APNs, an access token for FCM. */
export async function authorizationOf(
  provider: "apns" | "fcm",
  { service_account: account, apns_key: apns }: CredentialFiles,
  url: string,
  caFile: string,
): Promise<string> {
  if (provider === "apns") {
    const key = await importPKCS8(apns.key, "ES256");
    const header = { alg: "ES256", kid: apns.keyId };
    return `bearer ${await new SignJWT().setProtectedHeader(header).setIssuer(apns.teamId).setIssuedAt().sign(key)}`;
  }
  const assertion = await new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: "RS256" })
    .setIssuer(account.client_email)
    .setAudience(account.token_uri)
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(await importPKCS8(account.private_key, "RS256"));
  const answer = await post(`${url}/token`, await readFile(caFile, "utf8"), { grant_type: GRANT, assertion });
  return `Bearer ${AccessToken.parse(JSON.parse(answer)).access_token}`;
}

function post(url: string, ca: string, form: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const outgoing = request(url, { method: "POST", agent: new Agent({ ca }), headers }, (response) => {
      text(response).then(resolve, reject);
    });
    outgoing.once("error", reject);
    outgoing.end(new URLSearchParams(form).toString());
  });
}
