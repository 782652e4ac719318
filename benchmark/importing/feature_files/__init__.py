"""Feature files as they are published: searched for below a folder, opened by format, told apart by layout.

In it: files, names and shapes. Not in it: which annotated video a file belongs to, or anything that runs what it reads.
"""
