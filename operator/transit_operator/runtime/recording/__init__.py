"""What happened, told to those outside: the outbox that all of them use, and the registry's part.

Off unless the configuration names a registry or a receiver; then nothing here is imported.
"""
