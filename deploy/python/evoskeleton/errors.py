"""The one exception that means: the user gave us something we cannot use; and exit codes."""

STOPPED = 75
"""Exit code of a campaign that was stopped and is to be run again (EX_TEMPFAIL)."""


class BadInput(ValueError):
    """A user's mistake, in one sentence: which argument, what was wanted, what came.

    The command line prints the sentence without a traceback and leaves with exit code 2.
    """
