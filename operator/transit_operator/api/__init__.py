"""The public surface of Transit: the ModelDeployment resource, its status, labels and reasons."""
