"""Tells people and programs what happens: messages, their receivers, and how far each was told.

Off unless the configuration names receivers; then nothing here is imported.
"""
