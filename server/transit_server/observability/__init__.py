"""What an operator of the service sees: `metrics`, `feedback_series`, `logs`, `tracing`. Nothing
here knows who counts or writes.
"""
