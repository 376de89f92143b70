"""The commands of `transit-models`, a module for each few that belong together.

Every module has `add`, which adds its commands to the parser. Answers go to stdout, progress and
problems to stderr. Neighbours: `cli` puts them together; they are thin over `storage`, `packing`
and `examples.training`.
"""
