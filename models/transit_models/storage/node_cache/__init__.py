"""A cache that pods of one node, or of one claim, share: the second finds what the first brought.

Nothing in it is believed. A version is found by its digest, copied into the pod's own directory,
and hashed while it is copied; what was verified is the copy, which nobody else can write to. So a
cache that is full, gone, read-only, damaged or in hostile hands costs time, and nothing else
(docs/decisions/0073-a-cache-of-the-node.md).

Neighbours: `cache` has the layout, `room` its limit, `turns` who fetches while others wait,
`fetching` puts cache and store together, `report` tells the server how it went.
"""
