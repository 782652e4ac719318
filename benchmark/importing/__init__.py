"""Files of others made into a dataset: features, annotations, frame counts and pseudo-labels, as they are published.

In it: readers that distrust what they read, and the way from there to packed arrays. Not in it: what training needs of
a dataset. Only the command line comes here.
"""
