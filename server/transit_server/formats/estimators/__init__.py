"""Scikit-learn's estimators, and what looks like them: opened, looked through, described.

`pickles` opens files, `walk` finds what is nested, `columns` reads what a fitted pipeline takes,
`answering` how it answers, `breaks` knows which old estimators answer differently today. The
formats `sklearn` and `mlflow`, and the server's preprocessing, build on it.
"""
