"""What the API server would say of a file, without one; and advice that costs people days. Pure.

`documents` reads YAML with its lines, `schema` and `rules` hold it against the generated CRD,
`advice` knows what is allowed and yet unwise.
"""
