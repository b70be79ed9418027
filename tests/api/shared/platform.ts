import { sharedPlatform } from "@strata/tests-platform/shared";

export const apiPlatform = sharedPlatform("server-api");
