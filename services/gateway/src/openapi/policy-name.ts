import { PushPolicyName } from "@strata/contracts";

export const PolicyName = PushPolicyName.meta({
  id: "PushPolicyName",
  description:
    "`suspended`: she is; `blocked`: she blocks the sender; `opted_out`: of the category, or never opted in; `muted`: until " +
    "a time; `already_read`; `delay`: an open app is given its time first; `unread_after`: it waits to see whether she " +
    "reads it by herself; `quiet_hours`; `online`: she is in the app; `category_cap` and `cap`: she has had as many pushes " +
    "of the category, or of all, as the policy allows",
});
