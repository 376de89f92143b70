"""What people read: phase, message, conditions."""
