"""Lists of images: which of a project, in which order, and how many there are."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, select

from evoskeleton.annotation.domain.wanted_images import ImagePage, Order, Wanted
from evoskeleton.annotation.store.rows import image_row, project_of
from evoskeleton.annotation.store.tables import IMAGES, SKIPS
from evoskeleton.errors import BadInput

_LAST = (1 << 31) - 1
_LONGEST_SEARCH = 500


def page_of(connection: Connection, wanted: Wanted, most: int, now_ms: int) -> ImagePage:
    """At most `most` images of a list.

    Raises:
        NotThere: there is no such project.
        BadInput: the search is too long, or `after` is given in another order.
    """
    if len(wanted.search) > _LONGEST_SEARCH:
        raise BadInput(f"search should be {_LONGEST_SEARCH} characters at most")
    if wanted.after and wanted.order != "number":
        raise BadInput(
            "after should be 0 in lists that are not in the order of numbers: use offset"
        )
    project_of(connection, wanted.project_id)
    conditions = _conditions(wanted, now_ms)
    total = connection.scalar(select(func.count()).select_from(IMAGES).where(*conditions)) or 0
    after = IMAGES.c.id > min(max(wanted.after, 0), _LAST)
    rows = connection.execute(
        select(IMAGES)
        .where(*conditions, after)
        .order_by(*_order(wanted.order))
        .offset(wanted.offset)
        .limit(most)
    )
    return ImagePage([*map(image_row, rows)], total)


def _conditions(wanted: Wanted, now_ms: int) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [IMAGES.c.project_id == wanted.project_id]
    if wanted.state is not None:
        found.append(IMAGES.c.state == wanted.state)
    if wanted.search:
        name = func.lower(IMAGES.c.name)
        found.append(name.contains(wanted.search.lower(), autoescape=True))
    if wanted.holder:
        found += [IMAGES.c.holder == wanted.holder, IMAGES.c.held_until_ms > now_ms]
    if wanted.assignee:
        found.append(IMAGES.c.assignee == wanted.assignee)
    if wanted.annotator:
        found.append(IMAGES.c.annotator == wanted.annotator)
    if wanted.skipped_by:
        mine = SKIPS.c.image_id == IMAGES.c.id, SKIPS.c.annotator == wanted.skipped_by
        found.append(exists().where(*mine))
    if wanted.commented:
        found.append(IMAGES.c.open_comments > 0)
    return found


def _order(order: Order) -> list[Any]:
    column, _, down = order.partition("_")
    keys: dict[str, list[Any]] = {
        "number": [IMAGES.c.id],
        "name": [func.lower(IMAGES.c.name), IMAGES.c.name],
        "changed": [func.coalesce(IMAGES.c.changed_ms, 0), IMAGES.c.id],
    }
    return [key.desc() if down else key.asc() for key in keys[column]]
