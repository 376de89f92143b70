"""What is observed from outside, and what follows from it; nothing here changes the cluster.

`traffic.py` has every answer and `timeline.py` every transition; of these `incidents.py` tells
whose fault a failure was, and `measure.py` how fast the bad version lost its traffic.
"""
