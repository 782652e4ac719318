"""Names of files matched with annotated names: what is a video, and what is a crop of one.

In it: what of a path may name a video, how names may be related, rules made of both, and the choice of one. Not in it:
the files themselves, or what is done about a file or a name without a partner.
"""
