"""What is trained on and tested on, in one format of ours: a manifest and packed arrays.

In it: reading a dataset, its labels, segments, batches and pseudo-labels, and the simulated ones. Not in it: files of
others, which `importing` reads, or anything that is trained.
"""
