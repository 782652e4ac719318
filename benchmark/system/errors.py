"""The one exception that means "the input is wrong", and what to make of whatever the code of others raises."""

from benchmark.system.names import printable

_LONGEST = 4096


class InputError(Exception):
    """Bad usage or bad input: its message is one line that names the file or video and says what to do.

    The command line prints the message without a traceback and exits with code 2. Names that come from files go into
    messages, so whatever would break the line or command the terminal is shown escaped, and an endless text is cut.
    """

    def __init__(self, message: str) -> None:
        line = printable(message[: _LONGEST + 1])
        super().__init__(line if len(message) <= _LONGEST else f"{line[:_LONGEST]} ...")


class RunTimeoutError(BaseException):
    """A run has used up its time. Not an `Exception`, so that no method takes it for a failure of its own."""


NOT_THEIRS = (KeyboardInterrupt, RunTimeoutError)
"""What ends the code of others from outside; whatever else it raises, `SystemExit` too, is a failure of it."""


def describe(error: BaseException) -> str:
    """Say what the code of others raised, in a line; its message is code of theirs too."""
    try:
        message = " ".join(str(error).split())
    except NOT_THEIRS:
        raise
    except BaseException:
        message = "its message cannot be told"
    return f"{type(error).__name__}: {message}"
