import { sharedPlatform } from "@strata/tests-platform/shared";

/** Anybody may sign up here. Behind a proxy, which is the test: whoever names no address is at the proxy's own. */
export const apiPlatform = sharedPlatform("server-api", {
  env: {
    gateway: { SIGN_UPS_PER_HOUR: "5", PROXY_HOPS: "1" },
    directory: { APP_PURGE_INTERVAL_MS: "500" },
    integration: { BACKEND_COOL_DOWN_MS: "1000" },
  },
});
