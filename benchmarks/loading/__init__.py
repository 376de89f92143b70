"""How long a server takes to load models, and how much memory: this tree against another commit."""
