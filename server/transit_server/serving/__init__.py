"""Models in memory: loaded by `loading`, fed by `batching`, isolated by `predictor`, found by
`registry`.
"""
