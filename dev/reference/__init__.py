"""The pages of the documentation that are made of the code.

`python -m dev.reference` writes them (`make reference`), `--check` says what differs. Each page has
a module here: `fields` of the CRD, `commands` of the programs' parsers, `metrics` of what both
programs expose, `api` of the server's OpenAPI document, `decisions` of their heads. The chart's
page is in `dev.chart`.
"""
