import { ListDevices, RegisterDevice } from "@strata/contracts";
import { deviceView, parseDevice, requireDeviceId, requireUserId } from "@strata/layer-protocol";
import { z } from "zod";
import { type Answer, type Call, ok, type Route } from "../http/route.ts";
import { operation } from "../openapi/operation.ts";
import { DevicePath, UserPath } from "../openapi/parameters.ts";
import { DeviceBody, DeviceView } from "../openapi/user-schemas.ts";
import type { KnownUsers } from "./known-users.ts";

interface Deps {
  readonly users: KnownUsers;
}

export const registerDevice = ({ users, maxBodyBytes }: Deps & { readonly maxBodyBytes: number }): Route => ({
  method: "put",
  path: "/apps/:app/users/:user/devices/:device",
  access: "app:write",
  maxBodyBytes,
  operation: operation({
    id: "registerDevice",
    tag: "Users",
    summary: "Register a device for pushes",
    description: "One push token has one owner: the last registration wins.",
    path: DevicePath,
    body: DeviceBody,
    answer: { status: 200, description: "The device as it is registered now", schema: DeviceView },
    errors: [404, 413, 422],
  }),
  handle: (call) => register(call, users),
});

async function register(call: Call, users: KnownUsers): Promise<Answer> {
  const device = parseDevice(call.body);
  const userId = requireUserId(call.param("user"));
  const deviceId = requireDeviceId(call.param("device"));
  await users.require(call, userId);
  const registered = await call.calls.request(RegisterDevice, { userId, deviceId, device, at: Date.now() });
  return ok(deviceView(call.wire, registered));
}

export const listDevices = ({ users }: Deps): Route => ({
  method: "get",
  path: "/apps/:app/users/:user/devices",
  access: "app:read",
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
