"""HTTP and nothing else: one file of routes per API, `endpoint` for what all share, `problems` for
statuses. Rooms: `wire` (connections and bodies), `access` (who may ask), `documents` (OpenAPI).
"""
