"""Of two drivers of one campaign, only the one that began later commits, on any storage.

A driver's epoch stands in the log as a Delta application transaction of its own and goes with every
generation, so it is looked at on the very snapshot that the commit starts from. Locks of files may
be missing, or be local to a machine; this costs the earlier driver its work, and nobody a row.
"""

import secrets
from dataclasses import dataclass

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError

from evoskeleton.errors import BadInput

_EPOCHS = 2**31


@dataclass(frozen=True)
class Fence:
    """What one driver of a campaign knows of itself.

    Attributes:
        campaign: whose driver it is.
        epoch: in the log from its first commit on.
        first: whether it is to commit generation 0, so that no epoch may be there yet.
    """

    campaign: str
    epoch: int
    first: bool

    def transaction(self) -> Transaction:
        """What a commit of this driver says of it."""
        return Transaction(_driver(self.campaign), self.epoch)

    def expect_own(self, table: DeltaTable) -> None:
        """Nobody has begun to drive since.

        Raises:
            BadInput: somebody has.
        """
        there = table.transaction_version(_driver(self.campaign))
        if there != self.epoch and not (self.first and there is None):
            raise BadInput(
                f"campaign {self.campaign} was taken over by another process that runs it: this "
                f"one ends, and no row is lost"
            )


def raised(table: DeltaTable, campaign: str, has_rows: bool) -> Fence | None:
    """The fence of a driver that begins now; None where somebody else wrote first.

    Before generation 0 nothing is written: of several drivers, that commit tells which it is.
    """
    if not has_rows:
        return Fence(campaign, 1 + secrets.randbelow(_EPOCHS), first=True)
    fence = Fence(campaign, 1 + (table.transaction_version(_driver(campaign)) or 0), first=False)
    try:
        table.create_write_transaction(
            [],
            "append",
            table.schema(),
            ["campaign"],
            commit_properties=CommitProperties(
                app_transactions=[fence.transaction()],
                custom_metadata={"driver_of": campaign},
                max_commit_retries=0,
            ),
        )
    except CommitFailedError:
        return None
    return fence


def _driver(campaign: str) -> str:
    return f"evoskeleton/{campaign}/driver"
