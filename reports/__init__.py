"""How results are said and drawn: tables, their forms, figures, and the page that holds them all.

In it: what is made from records and filled tables. Not in it: PyTorch, a method, or a formula; those are asked of
`metrics` and `statistics`.
"""
