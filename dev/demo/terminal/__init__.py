"""What a person at the terminal sees: lines while something is waited for, and real commands."""
