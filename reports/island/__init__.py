"""What a page carries along for its script: the numbers behind its figures, compressed.

Not in it: HTML, or a number that is worked out here and nowhere else.
"""
