"""A method as it is asked for: found, put together with its add-ons, configured, measured and checked.

In it: plug-ins, their recipes, their sizes and the checks of the contract. Not in it: a dataset, a run, or a method.
"""
