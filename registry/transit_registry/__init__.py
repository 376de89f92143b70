"""The registry: which versions of models there are, what has become of them, and who deployed them.

Two tables in PostgreSQL, or in a file of SQLite for one person at a command line. It stands beside
operator and model store and knows neither: the operator writes what happens (`writing`), the
command `transit-models` keeps the versions (`versions`) and tells the past (`reading`). Both reach
it by `connecting`; `migrating` brings a database to the tables of this release.
"""
