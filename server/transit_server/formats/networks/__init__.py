"""What the format `keras` is made of: `opening` reads files, `older` those that Keras 2.13 and 2.14
laid out, `answering` says what comes out.
"""
