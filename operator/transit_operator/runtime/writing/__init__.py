"""All writes, in their order: what a decision asks for, guarded and isolated."""
