"""One run: chosen, specified, trained, scored, stored.

In it: what is chosen for a call, and what makes a stored run of it, be it trained here or brought along as weights or
scores. Not in it: how several runs go side by side, or what a table makes of them.
"""
