"""A pose table kept small and quick: files joined, files that nobody reads removed, history."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import RemoveAction

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.table.commit import At, discard, tries
from evoskeleton.platform.data.table.in_order import in_order
from evoskeleton.platform.data.table.parts import Files, Part, Written, lie_together, parts_of
from evoskeleton.platform.data.table.schema import SCHEMA

_ROWS = 500_000


def compact(
    at: At, files: Files, campaign: str | None = None, rows: int = _ROWS
) -> tuple[int, int]:
    """Join neighbouring small files of each campaign, sorted by id; nothing that is read changes.

    Args:
        at: opens the table as it was at a version, or as it is now for None.
        files: its folder.
        campaign: the only one whose files are joined; None: all are.
        rows: about so many of them come into a file.

    Returns:
        How many files were joined, and into how many.

    Raises:
        BadInput: the log takes nothing although nobody else writes.
        OSError, DeltaError: the storage cannot be read or written.
    """
    groups = list(_groups(parts_of(at(None), campaign), rows))
    old = [part for group in groups for part in group]
    if not old:
        return 0, 0
    with contextlib.ExitStack() as afterwards:
        new: list[Written] = []
        for group in groups:
            new.append(_joined(group, files))
            afterwards.callback(discard, files, new[-1], lambda: _named(at))
        for table in tries(at):
            if not {part.path for part in old} <= {part.path for part in parts_of(table)}:
                return 0, 0  # somebody else has joined them meanwhile
            if _exchanged(table, old, new):
                afterwards.pop_all()
                return len(old), len(new)
    raise BadInput(f"{files.uri}: others kept writing; it was not compacted")


def _groups(parts: Sequence[Part], rows: int) -> Iterator[list[Part]]:
    """Neighbouring files of one campaign that are small, at least two at a time."""
    for campaign in sorted({part.campaign for part in parts}):
        group: list[Part] = []
        for part in (part for part in parts if part.campaign == campaign):
            if group and sum(one.rows for one in group) + part.rows > rows:
                yield from [group] if len(group) > 1 else []
                group = []
            group.append(part)
        yield from [group] if len(group) > 1 else []


def _joined(group: Sequence[Part], files: Files) -> Written:
    tables = in_order(group, files.fragment, SCHEMA.names, {})
    return files.write(
        group[0].campaign, "joined", (table.select(SCHEMA.names) for table in tables)
    )


def _named(at: Callable[[int | None], DeltaTable]) -> set[str]:
    return {part.path for part in parts_of(at(None))}


def _exchanged(table: DeltaTable, old: Sequence[Part], new: Sequence[Written]) -> bool:
    """Whether the log took the new files for the old ones."""
    now = int(time.time() * 1000)
    removed = [
        RemoveAction(part.path, False, now, part.size, {"campaign": part.campaign}) for part in old
    ]
    try:
        table.create_write_transaction(
            [*(part.as_action(data_change=False) for part in new), *removed],
            "append",
            table.schema(),
            ["campaign"],
            commit_properties=CommitProperties(
                custom_metadata={"compaction": f"{len(old)} files into {len(new)}"},
                max_commit_retries=0,
            ),
        )
    except CommitFailedError:
        return False
    return True


def vacuum(table: DeltaTable, keep: Sequence[int], hours: int, dry_run: bool) -> list[str]:
    """Remove files that neither the newest version nor those to be kept refer to.

    Args:
        table: as it is now.
        keep: versions that stay readable.
        hours: files that were removed from the table, or written, later than so long ago stay.
        dry_run: only tell.

    Returns:
        Their paths.
    """
    gone: list[str] = table.vacuum(
        hours,
        dry_run=dry_run,
        enforce_retention_duration=False,
        full=True,
        keep_versions=sorted({version for version in keep if version <= table.version()}),
    )
    return gone


def vacuum_own(
    table: DeltaTable, files: Files, campaign: str, keep: Sequence[int], hours: int
) -> int:
    """The same for the files of one campaign alone, without a word in the log; how many they were.

    None where files of another lie among them, as its trainings may read versions of their own.

    Args:
        table: as it is now.
        files: its folder.
        campaign: whose files they are.
        keep: versions that stay readable, as far as the campaign's rows go.
        hours: files that were removed from the table, or written, later than so long ago stay.
    """
    others = {part.campaign for part in parts_of(table)} - {campaign}
    if any(lie_together(campaign, other) for other in others):
        return 0
    unread = vacuum(table, keep, hours, dry_run=True)  # with those that went before
    own = files.written_for(campaign) & set(unread)
    for path in own:
        files.remove(path)
    return len(own)


def history(table: DeltaTable) -> list[dict[str, Any]]:
    """What each version brought, oldest first: number, time, operation, campaign, generation."""
    entries = table.history()[::-1]
    return [
        {
            "version": version,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry["timestamp"] / 1000)),
            "what": entry.get("compaction") or entry.get("operation", ""),
            "campaign": entry.get("campaign"),
            "generation": int(entry["generation"]) if "generation" in entry else None,
        }
        for version, entry in enumerate(entries)
    ]
