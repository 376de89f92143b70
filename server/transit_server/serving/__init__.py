"""Models in memory: `starting` loads them, `registry` finds them, `inference` asks them.

Each is `one_model`; `guarding` keeps one that hangs or fails from taking the others with it.
"""
