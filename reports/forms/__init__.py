"""A table in a form: Markdown, HTML, LaTeX, CSV, on a terminal.

Not in it: what the table says.
"""
