import { audiences } from "../audience.suite.ts";
import { blocks } from "../blocks.suite.ts";
import { clientApi } from "../client-api.suite.ts";
import { content } from "../content.suite.ts";
import { conversations } from "../conversations.suite.ts";
import { messages } from "../messages.suite.ts";
import { parts } from "../parts.suite.ts";
import { moderation } from "../moderation.suite.ts";
import { moderationDecisions } from "../moderation-decisions.suite.ts";
import { notifications } from "../notifications.suite.ts";
import { openWorld, type World } from "../support/world.ts";
import { personal } from "../personal.suite.ts";
import { pushPolicies } from "../push-policy.suite.ts";
import { settings } from "../settings.suite.ts";
import { transport } from "../transport.suite.ts";
import { uploads } from "../upload.suite.ts";
import { userDoor } from "../user-door.suite.ts";
import { users } from "../users.suite.ts";
import { apiPlatform } from "./platform.ts";

/**
 * The Server API as its reference describes it, over HTTP against all services as processes. Each section of the
 * reference has a file; they share one platform, and no test looks at another's objects.
 */
describe("the Server API, against the whole of Strata", function serverApi() {
  this.timeout(60_000);
  let opened: World;
  const world = (): World => opened;
  before(async () => {
    opened = await openWorld(await apiPlatform());
  });

  transport(world);
  conversations(world);
  messages(world);
  notifications(world);
  parts(world);
  userDoor(world);
  users(world);
  blocks(world);
  settings(world);
  content(world);
  audiences(world);
  uploads(world);
  personal(world);
  pushPolicies(world);
  clientApi(world);
  moderation(world);
  moderationDecisions(world);
});
