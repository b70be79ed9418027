import { PushCredential } from "@strata/contracts";
import { seal, sealedPrefix, unseal } from "@strata/runtime";

/** The keys that open sealed credentials; the first seals them anew. */
export type CredentialKeys = readonly [current: Buffer, ...former: Buffer[]];

/** @throws where it was sealed with none of these keys, or is no credential. */
export const openSealed = (keys: CredentialKeys, sealed: string): PushCredential =>
  PushCredential.parse(JSON.parse(unseal(keys, sealed)));

/** The same credential, sealed with the current key. */
export const sealedAnew = ([current]: CredentialKeys, sealed: string, credential: PushCredential): string =>
  sealed.startsWith(sealedPrefix(current)) ? sealed : seal(current, JSON.stringify(credential));
