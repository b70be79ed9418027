import { ListDevices, RegisterDevice } from "@strata/contracts";
import { invalidOperation, parsePushToken, requireUserId } from "@strata/layer-protocol";
import { accepted, type Answer, type Call, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { DevicePath, UserPath } from "../openapi/parameters.ts";
import { PushTokenBody } from "../openapi/user-schemas.ts";
import { removeDeviceOf } from "./devices.ts";
import type { KnownUsers } from "./known-users.ts";

interface Deps {
  readonly users: KnownUsers;
}

const path = "/apps/:app/users/:user/push_tokens";

/**
 * Of one user. She herself registers them, with whatever tokens she says, and each push to her goes to all of them.
 */
const MAX_DEVICES = 100;

/** Devices in the Client API's words: what they register and remove are the devices of `/devices`. */
export const pushTokens = ({ users, maxBodyBytes }: Deps & { readonly maxBodyBytes: number }): readonly Route[] => [
  {
    method: "post",
    path,
    access: "pushes:write",
    maxBodyBytes,
    operation: operation({
      id: "registerPushToken",
      tag: "Users",
      summary: "Register a device, as the Client API has it",
      description:
        "The same as `PUT /apps/:app/users/:user/devices/:device`; registering it again replaces it. " +
        `A user has at most ${MAX_DEVICES}.`,
      path: UserPath,
      body: PushTokenBody,
      answer: { status: 202, description: "Registered" },
      errors: [404, 413, 422],
    }),
    handle: (call) => register(call, users),
  },
  {
    method: "delete",
    path: `${path}/:device`,
    access: "pushes:write",
    operation: operation({
      id: "removePushToken",
      tag: "Users",
      summary: "Remove a device, as the Client API has it",
      description: "The same as `DELETE /apps/:app/users/:user/devices/:device`.",
      path: DevicePath,
      answer: { status: 202, description: "Removed" },
      errors: [404, 422],
    }),
    async handle(call) {
      await removeDeviceOf(call, users);
      return accepted();
    },
  },
];

async function register(call: Call, users: KnownUsers): Promise<Answer> {
  const { deviceId, device } = parsePushToken(call.body);
  const userId = requireUserId(call.param("user"));
  await users.require(call, userId);
  const { devices } = await call.calls.ask(ListDevices, { userId });
  if (devices.length >= MAX_DEVICES && devices.every((one) => one.deviceId !== deviceId)) {
    throw invalidOperation(`A user has at most ${MAX_DEVICES} devices; one has to be removed first`);
  }
  await call.calls.request(RegisterDevice, { userId, deviceId, device, at: Date.now() });
  return accepted();
}
