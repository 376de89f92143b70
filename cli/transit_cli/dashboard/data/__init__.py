"""What the page knows: all ModelDeployments by one watch, and what is asked once for all pages."""
