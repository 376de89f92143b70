"""From a reference to a model that is ready: loading, and what it has to show first."""
