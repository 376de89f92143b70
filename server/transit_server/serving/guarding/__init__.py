"""What keeps one model, or one row, from taking the process with it."""
