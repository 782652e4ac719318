"""A table in a form: Markdown, HTML, LaTeX, CSV, on a terminal."""
