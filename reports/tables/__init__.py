"""What a table says, before it has a form: grids, captions, notes, differences and verdicts.

Not in it: Markdown, HTML or LaTeX.
"""
