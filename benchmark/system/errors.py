"""The one exception that means "the input is wrong", as opposed to a defect of the suite."""

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
