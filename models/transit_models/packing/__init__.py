"""From a model's file to a version: what `pack`, `answers` and the examples' training make of it.

Neighbours: `commands` has the commands; the server reads what `twin` and `answers` write, and old
XGBoost files by `old_xgboost`.
"""
