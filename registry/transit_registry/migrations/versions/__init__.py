"""One file a step. A step that was released never changes: the next one is a file of its own."""
