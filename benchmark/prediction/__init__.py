"""From a new video to an answer: a trained method shown videos, or features, that no dataset holds.

In it: what scores (a stored run, an archive of one, weights from elsewhere), what is scored, thresholds, and the answer
as a table. Not in it: training, labels of test videos, how an answer is drawn.
"""
