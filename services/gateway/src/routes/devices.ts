import { GetDevice, isPushService, ListDevices, RegisterDevice, RemoveDevice } from "@strata/contracts";
import { deviceView, notFound, parseDevice, requireDeviceId, requireUserId } from "@strata/layer-protocol";
import { z } from "zod";
import { type Answer, type Call, noContent, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { DevicePath, UserPath } from "../openapi/parameters.ts";
import { DeviceBody, DeviceView } from "../openapi/user-schemas.ts";
import type { KnownUsers } from "./known-users.ts";

interface Deps {
  readonly users: KnownUsers;
}

interface RegistrationDeps extends Deps {
  readonly maxBodyBytes: number;
  readonly webPushHosts: readonly string[];
}

export const registerDevice = ({ users, webPushHosts, maxBodyBytes }: RegistrationDeps): Route => ({
  method: "put",
  path: "/apps/:app/users/:user/devices/:device",
  access: "pushes:write",
  maxBodyBytes,
  operation: operation({
    id: "registerDevice",
    tag: "Users",
    summary: "Register a device for pushes",
    description:
      "One push token has one owner: the last registration wins. Of a browser (`webpush`) the token is its " +
      "`PushSubscription`, whose endpoint has to be at a known push service, and `app_id` the VAPID public key that " +
      "its page subscribed with, where the app has several.",
    path: DevicePath,
    body: DeviceBody,
    answer: { status: 200, description: "The device as it is registered now", schema: DeviceView },
    errors: [404, 413, 422],
  }),
  handle: (call) => register(call, users, webPushHosts),
});

async function register(call: Call, users: KnownUsers, webPushHosts: readonly string[]): Promise<Answer> {
  const device = parseDevice(call.body, (endpoint) => isPushService(webPushHosts, endpoint));
  const userId = requireUserId(call.param("user"));
  const deviceId = requireDeviceId(call.param("device"));
  await users.require(call, userId);
  const registered = await call.calls.request(RegisterDevice, { userId, deviceId, device, at: Date.now() });
  return ok(deviceView(call.wire, registered));
}

export const listDevices = ({ users }: Deps): Route => ({
  method: "get",
  path: "/apps/:app/users/:user/devices",
  access: "pushes:read",
  operation: operation({
    id: "listDevices",
    tag: "Users",
    summary: "A user's devices",
    path: UserPath,
    answer: { status: 200, description: "All of them; their tokens are not shown", schema: z.array(DeviceView) },
    errors: [404, 422],
  }),
  handle: (call) => list(call, users),
});

async function list(call: Call, users: KnownUsers): Promise<Answer> {
  const userId = requireUserId(call.param("user"));
  await users.require(call, userId);
  const { devices } = await call.calls.ask(ListDevices, { userId });
  return ok(devices.map((device) => deviceView(call.wire, device)));
}

export const getDevice = ({ users }: Deps): Route => ({
  method: "get",
  path: "/apps/:app/users/:user/devices/:device",
  access: "pushes:read",
  operation: operation({
    id: "getDevice",
    tag: "Users",
    summary: "One of a user's devices",
    path: DevicePath,
    answer: { status: 200, description: "As it is registered now; its token is not shown", schema: DeviceView },
    errors: [404, 422],
  }),
  handle: (call) => get(call, users),
});

async function get(call: Call, users: KnownUsers): Promise<Answer> {
  const { device } = await find(call, users);
  if (device === null) throw notFound("There is no such device");
  return ok(deviceView(call.wire, device));
}

export const removeDevice = ({ users }: Deps): Route => ({
  method: "delete",
  path: "/apps/:app/users/:user/devices/:device",
  access: "pushes:write",
  operation: operation({
    id: "removeDevice",
    tag: "Users",
    summary: "Remove a device: she has logged out of it",
    description:
      "From then on no push is sent there, nor what is waiting to be sent. Removing it again changes nothing; " +
      "registering it again does.",
    path: DevicePath,
    answer: { status: 204, description: "Removed" },
    errors: [404, 422],
  }),
  async handle(call) {
    await removeDeviceOf(call, users);
    return noContent;
  },
});

/**
 * Removes the device of the path.
 * @throws LayerError 404 where she never had such a device; 422 `invalid_property`
 */
export async function removeDeviceOf(call: Call, users: KnownUsers): Promise<void> {
  const { userId, deviceId, device, wasThere } = await find(call, users);
  if (!wasThere) throw notFound("There is no such device");
  if (device === null) return;
  // Later than the registration that it ends also where another gateway's clock was ahead.
  const at = Math.max(Date.now(), device.registeredAt + 1);
  await call.calls.request(RemoveDevice, { userId, deviceId, token: device.token, at });
}

async function find(call: Call, users: KnownUsers) {
  const userId = requireUserId(call.param("user"));
  const deviceId = requireDeviceId(call.param("device"));
  await users.require(call, userId);
  return { userId, deviceId, ...(await call.calls.ask(GetDevice, { userId, deviceId })) };
}
