"""From videos to what an import reads: motion, objects and features, one row per snippet of 16 frames.

In it: decoding, what measures the frames, and the folder that all is written to. Not in it: annotations, or a dataset;
models of others are run, but nothing is trained.
"""
