"""The history of deployments in PostgreSQL: what a look has to tell, and the task that writes it.

Off unless the configuration names a registry; then nothing here is imported.
"""
