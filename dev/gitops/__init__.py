"""Transit by GitOps: what Argo CD is told of ModelDeployments, and Git repositories to try it."""
