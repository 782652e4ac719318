"""A search for a method's settings: what is drawn, planned and done as runs of the store, and which setting is best.

In it: trials, which are judged on held-out training videos alone. Not in it: a test video, how a search looks.
"""
