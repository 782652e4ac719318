"""Files of others made into a dataset: features, annotations, frame counts and pseudo-labels, as they are published.

In it: readers that distrust what they read, and the way from there to packed arrays: files are matched to annotated
videos (`matching`), each video is planned (`import_plan`), packed (`packing`), and the folder put in place (`placing`).
Not in it: what training needs of a dataset. Of the engine, only the command line comes here.
"""
