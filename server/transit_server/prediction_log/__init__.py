"""The log of single predictions, off by default (docs/decisions/0075-prediction-log.md).

`serving.inference` and `api.feedback` tell `log` what was answered; `columns` says which features
are written and how, `lines` makes JSON of it, and `writer`, a thread, puts files into a store.
"""
