"""Files that others publish beside their networks: weights of Caffe2, names of parameters, and means, read by hand.

Not in it: PyTorch's files, and anything that runs what a file says.
"""
