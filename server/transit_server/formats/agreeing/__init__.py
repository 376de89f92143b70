"""What a model says of itself, held against what its version says; where the two can't agree with
certainty, the model is refused.

`inputs` agrees on what is served, and `door` turns rows of that into what the model is called with;
`outputs` alone maps the model's classes to the labels; `trying` asks whether answers depend on the
row alone, `proof` what the author's library said.
"""
