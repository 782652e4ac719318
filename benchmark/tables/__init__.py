"""What a table is: declared, planned, filled from the run store alone, its rows compared.

In it: the declarations (`*.yaml`), the cells, what figures need of stored runs, and the paper's own numbers. Not in it:
training anything, or a word of how a table is shown.
"""
