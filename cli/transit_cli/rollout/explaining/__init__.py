"""Why a rollout went as it did: its course, its curves, and the words for them; of `status`."""
