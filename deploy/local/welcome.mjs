import { devJsonFile, readDevJson } from "./dev-json.mjs";
import { inStrata } from "./paths.mjs";
import { say } from "./say.mjs";
import { phoneUrl } from "./services.mjs";

/**
 * What a newcomer needs next: where everything is, and one command to paste.
 * @param {import("./ports.mjs").Ports} ports
 */
export function welcome(ports) {
  const { baseUrl, websocketUrl, appId, token, amqpUrl, mongoUrl, redisUrl } = readDevJson();
  const announcement = JSON.stringify({
    recipients: ["layer:///identities/user-0001"],
    sender_id: "layer:///identities/strata",
    parts: [{ body: "Hello from Strata", mime_type: "text/plain" }],
    notification: { title: "Strata", text: "Hello" },
  });
  say(`
Strata is up.
  API        ${baseUrl}
  sockets    ${websocketUrl}
  app        ${appId}
  token      ${token}
  phone      ${phoneUrl(ports)}   what each device received
  RabbitMQ   ${amqpUrl}
  MongoDB    ${mongoUrl}
  Redis      ${redisUrl}
  logs       ${inStrata("logs")}
  all of it  ${devJsonFile}

Send an announcement yourself:

  curl -sS -X POST ${baseUrl}/apps/${appId}/announcements \\
    -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' \\
    -d '${announcement}'

Ctrl-C stops everything; the data stays for the next start (npm run reset deletes it).`);
}
