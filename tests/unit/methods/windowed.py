"""What methods that score in windows have in common."""

import torch

from tests.unit.methods import bags


def check_windows_of_eight(method, whole):
    """Of 21 snippets, each window of eight is scored as a video of its own; the last reaches back, and both count.

    Parameters
    ----------
    whole
        The same method without windows.
    """
    features = bags.batch(2, 2, 21).normal.features
    for found, apart in ((method.score(features), whole.score), (method.embed(features), whole.embed)):
        first, second, last = apart(features[:, :, :8]), apart(features[:, :, 8:16]), apart(features[:, :, 13:])
        both = (second[:, 5:] + last[:, :3]) / 2
        torch.testing.assert_close(found, torch.cat([first, second[:, :5], both, last[:, 3:]], dim=1))
    assert not torch.allclose(method.score(features), whole.score(features))
