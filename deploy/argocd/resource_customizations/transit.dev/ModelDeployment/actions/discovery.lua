-- What can act now; the operator would answer anything else with the transition CommandIgnored.
local status = obj.status or {}
local stable, candidate = status.stable, status.candidate
local retreat, rejected, previous = status.retreat, status.rejected, status.previous

local tried = candidate ~= nil
local leaving = retreat ~= nil
-- The spec still asks for what traffic is being taken from.
local wanted = leaving and rejected ~= nil and rejected.revision == retreat.revision
local served = stable ~= nil and stable.healthySince ~= nil
local back = served and rejected == nil and previous ~= nil
  and previous.revision ~= stable.revision

local actions = {}
actions["promote"] = {
  ["disabled"] = not tried,
  ["displayName"] = "Promote by one step"
}
actions["promote-full"] = {
  ["disabled"] = not (tried or wanted),
  ["displayName"] = "Promote to 100 %"
}
actions["abort"] = {
  ["disabled"] = not (tried or leaving),
  ["displayName"] = "Abort: all traffic to the stable version"
}
actions["retry"] = {
  ["disabled"] = rejected == nil,
  ["displayName"] = "Retry the rejected revision"
}
actions["pause"] = {
  ["disabled"] = not served or status.paused == true
}
actions["resume"] = {
  ["disabled"] = status.paused ~= true
}
actions["rollback"] = {
  ["disabled"] = not (tried or leaving or back),
  ["displayName"] = "Roll back to the version before"
}
return actions
