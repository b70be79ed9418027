import { TokenRevoked } from "@strata/contracts";
import { type Consumer, consumer, on } from "@strata/messaging";
import { forgetToken } from "./handlers/forget-token.ts";
import type { GrantCache } from "./http/grant-cache.ts";

/** Everything this service listens to. */
export const consumers = ({ grants }: { readonly grants: GrantCache }): readonly Consumer[] => [
  consumer({
    queue: "gateway.token-revocations",
    scope: "instance",
    handlers: [on(TokenRevoked, forgetToken({ grants }))],
    onGap: () => grants.forgetAll(),
  }),
];
