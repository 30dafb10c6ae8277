"""The one exception that means: the user gave us something we cannot use."""


class BadInput(ValueError):
    """A user's mistake, in one sentence: which argument, what was wanted, what came.

    The command line prints the sentence without a traceback and leaves with exit code 2.
    """
