"""One generation into the log, once, however many others write.

The rows are written once, as a file that no log names; then the log is tried again and again, each
time on the newest version, which is looked at for the generation first. A file that lost is taken
away.
"""

import contextlib
import functools
import random
import time
from collections.abc import Callable, Iterator, Mapping

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.table.fence import Fence, raised
from evoskeleton.platform.data.table.parts import Files, Written, parts_of
from evoskeleton.platform.data.table.schema import LATER, SCHEMA

_ATTEMPTS = 20
_LONGEST_PAUSE_S = 2.0

At = Callable[[int | None], DeltaTable]


def application(campaign: str) -> str:
    """The name under which the log keeps a campaign's last generation."""
    return f"evoskeleton/{campaign}"


def commit_once(
    at: At,
    files: Files,
    campaign: str,
    generation: int,
    write: Callable[[], Written | None],
    fence: Fence | None = None,
    told: Mapping[str, str] | None = None,
) -> int:
    """The version with which a generation came in, now or earlier.

    Args:
        at: opens the table as it was at a version, or as it is now for None.
        files: its folder.
        campaign: whose generation it is.
        generation: its number.
        write: writes the rows, called once at most; None where there are none.
        fence: of the driver that commits, where there is one.
        told: what the log keeps of the generation besides its number.

    Raises:
        BadInput: the log takes nothing although nobody else writes, or another driver began.
        OSError, DeltaError: the storage cannot be written.
    """
    with contextlib.ExitStack() as afterwards:
        written: Written | None = None
        for table in tries(at):
            if fence is not None:
                fence.expect_own(table)
            done = table.transaction_version(application(campaign))
            if done is not None and done >= generation:
                return version_of(table, campaign, generation)
            if _brought_up_to_date(table):
                if written is None and (written := write()) is not None:
                    named = functools.partial(_came_with, at, campaign, generation)
                    afterwards.callback(discard, files, written, named)
                if _appended(table, campaign, generation, written, fence, told or {}):
                    afterwards.pop_all()
                    return int(table.version()) + 1
    raise BadInput(f"{files.uri}: others kept writing; generation {generation} was not committed")


def tries(at: At) -> Iterator[DeltaTable]:
    """The table as it is now, again after each lost race, with a random and growing pause between.

    A race is lost to somebody whose commit went in, so there is no end while versions come; it
    ends when nobody else wrote and the log was tried many times all the same.
    """
    version, still, tried = -1, 0, 0
    while still < _ATTEMPTS:
        table = at(None)
        still = still + 1 if table.version() == version else 0
        version = table.version()
        yield table
        time.sleep(random.uniform(0.0, min(_LONGEST_PAUSE_S, 0.02 * 2 ** min(tried, 10))))
        tried += 1


def _appended(
    table: DeltaTable,
    campaign: str,
    generation: int,
    written: Written | None,
    fence: Fence | None,
    told: Mapping[str, str],
) -> bool:
    """Whether the log took the generation as the version after that of the table."""
    transactions = [Transaction(application(campaign), generation)]
    transactions += [fence.transaction()] if fence else []
    try:
        table.create_write_transaction(
            [written.as_action(data_change=True)] if written else [],
            "append",
            table.schema(),
            ["campaign"],
            commit_properties=CommitProperties(
                app_transactions=transactions,
                custom_metadata={"campaign": campaign, "generation": str(generation), **told},
                max_commit_retries=0,
            ),
        )
    except CommitFailedError:
        return False
    return True


def begun(at: At, campaign: str) -> Fence:
    """The fence of a driver that begins to commit generations of a campaign."""
    for table in tries(at):
        has_rows = table.transaction_version(application(campaign)) is not None
        if (fence := raised(table, campaign, has_rows)) is not None:
            return fence
    raise BadInput(f"others kept writing; campaign {campaign} was not gone on with")


def _brought_up_to_date(table: DeltaTable) -> bool:
    """Whether a table has the columns of today; one that lacks some gets them."""
    names = {field.name for field in table.schema().fields}
    lacking = [SCHEMA.field(name) for name in LATER if name not in names]
    if not lacking:
        return True
    with contextlib.suppress(CommitFailedError):
        table.alter.add_columns(list(Schema.from_arrow(pa.schema(lacking)).fields))
    return False


def discard(files: Files, written: Written, named: Callable[[], set[str]]) -> None:
    """Take a file away that the log does not name, if that can be told.

    A storage may have taken a commit without saying so, so the log is asked and not believed.
    """
    with contextlib.suppress(OSError, DeltaError, BadInput):
        if written.path not in named():
            files.remove(written.path)


def _came_with(at: At, campaign: str, generation: int) -> set[str]:
    """The files of the version with which a generation came in; none where it did not."""
    table = at(None)
    done = table.transaction_version(application(campaign))
    if done is None or done < generation:
        return set()
    return {part.path for part in parts_of(at(version_of(table, campaign, generation)))}


def told_with(table: DeltaTable, campaign: str, generation: int, name: str) -> str | None:
    """What the log keeps under a name of a generation; None where it keeps nothing."""
    for entry in table.history():
        if (entry.get("campaign"), entry.get("generation")) == (campaign, str(generation)):
            found = entry.get(name)
            return None if found is None else str(found)
    return None


def version_of(table: DeltaTable, campaign: str, generation: int) -> int:
    """The version with which a generation came in, from the log."""
    entries = table.history()[::-1]  # numbered here: their own numbers shift while others write
    for version, entry in enumerate(entries):
        if (entry.get("campaign"), entry.get("generation")) == (campaign, str(generation)):
            return version
    raise BadInput(
        f"generation {generation} of campaign {campaign} was never committed to {table.table_uri},"
        f" and a later one was"
    )
