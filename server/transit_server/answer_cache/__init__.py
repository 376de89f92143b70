"""Answers that were given already, shared by the servers of a revision in a Redis; off by default.

`entries` says what an entry is called and seals it, `connecting` has the one connection, `rounds`
its round trips and when there are none, `cache` is what `serving.remembering` asks
(docs/decisions/0079-answer-cache.md). Whatever becomes of the Redis costs what the cache saved.
"""
