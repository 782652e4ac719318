"""The one exception that means "the input is wrong", as opposed to a defect of the suite."""


class InputError(Exception):
    """Bad usage or bad input: its message is one line that names the file or video and says what to do.

    The command line prints the message without a traceback and exits with code 2.
    """
