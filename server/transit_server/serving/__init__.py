"""Models in memory: loaded by `loading`, fed by `batching`, isolated by `scoring`, found by
`registry`.
"""
