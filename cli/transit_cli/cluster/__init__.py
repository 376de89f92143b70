"""All input and output: the API server, with the user's own kubeconfig and rights."""
