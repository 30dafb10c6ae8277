"""Where the page of campaigns is, found without MLflow: at once, whether it answers or not.

Only the database in a home is looked into. Whoever asks is told of a home that was moved here with
its addresses put right, so that what is served then shows everything.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from evoskeleton.platform.record.mlflow_store import DATABASE, Store, TrackingSettings
from evoskeleton.platform.record.moved_home import put_right
from evoskeleton.platform.record.run_page.opening import Page, page_of
from evoskeleton.platform.record.run_page.tags import KEY, earlier

_RUN = """
SELECT runs.run_uuid FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid
WHERE tags.key IN (?, ?) AND tags.value = ? AND runs.lifecycle_stage = 'active'
"""


def found_page(
    settings: TrackingSettings, home: Path, key: str | None = None, port: int = 5000
) -> Page | None:
    """The page of a home's campaigns, or of one; none where nothing was ever recorded.

    Args:
        settings: of the record.
        home: folder of the store where none is named.
        key: that names a campaign for good; none: of all.
        port: that the page would be served on.
    """
    if not settings.enabled:
        return None
    store = Store(settings, home)
    if store.is_absent():
        return None
    if settings.uri is not None:
        return page_of(store, None, None, port)
    put_right(home / DATABASE)
    return page_of(store, *_ids(home / DATABASE, settings.experiment, key), port)


def _ids(database: Path, name: str, key: str | None) -> tuple[str | None, str | None]:
    """The ids of the experiment and of the campaign's run, as far as they are there."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(database, timeout=10)) as there:
        asked = "SELECT experiment_id FROM experiments WHERE name = ?"
        experiment = there.execute(asked, (name,)).fetchone()
        run = there.execute(_RUN, (KEY, earlier(KEY), key)).fetchone() if key else None
        return str(experiment[0]) if experiment else None, str(run[0]) if run else None
    return None, None
