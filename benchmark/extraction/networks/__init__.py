"""The networks that published features come from, each exactly: layers, padding, and the names of their parameters.

In it: architectures, written from their published descriptions. Not in it: weights, what is done to frames before, or
training.
"""
