"""One file for each format: `load(source)` opens a verified file, and gives an `Engine` that says
what it takes, and answers in the model's own words and order. Labels are no business of these.

`opening` imports them by name, only when a model of that format is served.
"""
