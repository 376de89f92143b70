"""One model that answers: its queue, its thread, its rows, its circuit. It knows of no other."""
