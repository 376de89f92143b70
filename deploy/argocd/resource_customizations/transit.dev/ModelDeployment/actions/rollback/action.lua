local os = require("os")

-- Each value of the annotation acts once, so it must be another one each time.
local annotations = obj.metadata.annotations or {}
annotations["transit.dev/action"] = "rollback/" .. os.date("!%Y-%m-%dT%XZ")
obj.metadata.annotations = annotations
return obj
