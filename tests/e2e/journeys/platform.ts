import { sharedPlatform } from "@strata/tests-platform/shared";

export const journeysPlatform = sharedPlatform("journeys", { env: { gateway: { REQUEST_DEADLINE_MS: "20000" } } });
