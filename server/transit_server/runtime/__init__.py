"""The process itself: `process` runs the application, `lifecycle` and `draining` begin and end it;
`cpus`, `deadlines` and `termination_log` are what others need of a process.
"""
