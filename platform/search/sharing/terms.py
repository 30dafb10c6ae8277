"""Under what a data set may be used: only its owner can say it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Terms:
    """Under what the data may be used, as its owner says.

    Attributes:
        licence: of the data set, an SPDX name such as CC-BY-4.0, or an address.
        creator: who made it.
        acknowledgement: that the sources ask for; empty for none.
        name: of the data set.
        version: MAJOR.MINOR.PATCH.
        source_licence: of real poses of which nobody has said it before.
    """

    licence: str
    creator: str
    acknowledgement: str
    name: str
    version: str = "1.0.0"
    source_licence: str = ""
