export { type Answer, StrataError, type StrataClient, strataClient } from "./strata-client.ts";
