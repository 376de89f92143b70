"""What the format `keras` is made of: `opening` reads files, `answering` says what comes out."""
