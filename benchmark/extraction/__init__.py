"""From videos to what an import reads: motion, objects and features, one row per snippet of 16 frames.

In it: decoding, optical flow, detectors, encoders, and their results on disk. Not in it: a dataset; `importing` makes
one of these files. Only the command line comes here.
"""
