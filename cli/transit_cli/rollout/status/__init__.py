"""What a ModelDeployment's status says, read once for all that show it. Knows neither neighbour."""
