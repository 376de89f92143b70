"""Pure decisions: no I/O, no clock, no client. `decide.decide(observed)` is the way in."""
