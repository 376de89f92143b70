"""What a cluster's administrator decides; `operator.OperatorConfig` has all of it.

The chart's values and their schema come from it (`dev.chart`); `runtime.config` reads the file.
"""
