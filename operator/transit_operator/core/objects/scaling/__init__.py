"""Autoscalers of revisions: what is made, in either form, and what they say of themselves."""
