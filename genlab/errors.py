"""The error whose message alone is enough for a user to act on."""


class GenlabError(Exception):
    """A user's mistake or a missing thing, in one line: what is wrong, where, and what to do.

    The command line prints the message without a traceback.
    """
