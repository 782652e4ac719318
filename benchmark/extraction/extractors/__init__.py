"""Extractors by name: a recipe carried out, with the network that it names, ours or a library's.

Not in it: the recipes themselves, which records of an extraction hold, and the architectures, which `networks` has.
"""
