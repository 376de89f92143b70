-- The operator says where a ModelDeployment stands: exactly one of the conditions Ready,
-- Reconciling and Stalled is True (docs/reference/resource.md).
local hs = {}
local status = obj.status

if status == nil or status.phase == nil or status.conditions == nil then
  hs.status = "Progressing"
  hs.message = "Waiting for the operator to look at it"
  return hs
end
if status.observedGeneration ~= obj.metadata.generation then
  hs.status = "Progressing"
  hs.message = "Waiting for the operator to look at the new spec"
  return hs
end

local holds = {}
for _, condition in ipairs(status.conditions) do
  if condition.status == "True" then
    holds[condition.type] = condition
  end
end

-- Turned back, nothing serves, or not accepted: it needs a person, or a newer spec.
if holds.Stalled ~= nil then
  hs.status = "Degraded"
  hs.message = holds.Stalled.message
  return hs
end

-- Well, but it waits for a person's word.
local asks = status.candidate ~= nil and status.candidate.askedAt ~= nil
local suspended = holds.Reconciling ~= nil and holds.Reconciling.reason == "Suspended"
if asks or suspended or status.phase == "Paused" then
  hs.status = "Suspended"
  hs.message = status.message
  return hs
end

-- Also while it is watched at 100 %: a watch of a day must not hold up what comes after it.
if holds.Ready ~= nil then
  hs.status = "Healthy"
  hs.message = holds.Ready.message
  return hs
end

hs.status = "Progressing"
hs.message = status.message
if holds.Reconciling ~= nil then
  hs.message = holds.Reconciling.message
end
return hs
