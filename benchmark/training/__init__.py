"""One run: specified, trained, scored, stored.

In it: what turns a specification into a stored run, be it trained here or brought along as weights or scores. Not in
it: several runs side by side, or what a table makes of them.
"""
