"""The report: what there is to say of all that is stored, on one page.

Not in it: a figure or a table; it puts them together.
"""
