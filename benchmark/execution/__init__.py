"""Many runs: which is next, where it goes, how it shows, how long it takes.

In it: the driver, the executors, the display. Not in it: what one run does, or what is made of the finished ones.
"""
