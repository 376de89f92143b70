"""What a ModelDeployment says of its rollout, read from plain dictionaries. Pure: no I/O, no clock.

The status may be that of an older or newer operator: what isn't there is not shown, never a crash.
`status` reads it; `explaining` and `steering` build on that, and don't know each other.
"""
