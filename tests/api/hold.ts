import { startPlatform } from "@strata/tests-platform";
console.log("start", Date.now());
const platform = await startPlatform("trial");
console.log("up", Date.now());
const app = await platform.createApp();
console.log("app", Date.now());
console.log(JSON.stringify({ baseUrl: platform.baseUrl, appId: app.appId, token: app.token, accountToken: platform.accountToken }));
await platform[Symbol.asyncDispose]();
