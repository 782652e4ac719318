"""Videos extracted side by side: the processes that do it, and how long they will take.

In it: what is passed between a driver and its workers. Not in it: what is measured of a video, or where results lie.
"""
