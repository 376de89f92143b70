"""Builders of Kubernetes objects, and what a revision is."""
