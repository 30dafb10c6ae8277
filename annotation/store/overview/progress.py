"""How far the work of projects has come: images by state and annotator, and what it took."""

from collections import defaultdict
from typing import Any, cast

from sqlalchemy import Connection, func, select

from evoskeleton.annotation.domain.progress import AnnotatorCounts, ProjectCounts
from evoskeleton.annotation.domain.records import State
from evoskeleton.annotation.store.rows import project_of
from evoskeleton.annotation.store.tables import IMAGES, REVISIONS

_WORK = ("draft", "submit", "import")


def counts_of(connection: Connection, project_id: int, now_ms: int) -> ProjectCounts:
    """Counts of a project.

    Raises:
        NotThere: there is no such project.
    """
    project_of(connection, project_id)
    of_project = IMAGES.c.project_id == project_id
    annotators: defaultdict[str, AnnotatorCounts] = defaultdict(AnnotatorCounts)
    for row in _by_state_and_annotator(connection, of_project):
        annotators[row.annotator].states[cast(State, row.state)] = row.images
    effort = (
        select(REVISIONS.c.annotator, func.sum(REVISIONS.c.actions), func.sum(REVISIONS.c.seconds))
        .join(IMAGES, IMAGES.c.id == REVISIONS.c.image_id)
        .where(of_project, REVISIONS.c.actions > 0)
        .group_by(REVISIONS.c.annotator)
    )
    for name, actions, seconds in connection.execute(effort):
        annotators[name].actions, annotators[name].seconds = int(actions), float(seconds or 0.0)
    held = _counted(connection, IMAGES.c.holder, of_project, IMAGES.c.held_until_ms > now_ms)
    for name, images in held.items():
        annotators[name].held = images
    for name, images in _counted(connection, IMAGES.c.assignee, of_project).items():
        annotators[name].assigned = images
    comments = connection.scalar(select(func.sum(IMAGES.c.open_comments)).where(of_project))
    return ProjectCounts(
        project_id,
        cast(dict[State, int], _counted(connection, IMAGES.c.state, of_project)),
        dict(sorted(annotators.items())),
        sum(held.values()),
        int(comments or 0),
    )


def _by_state_and_annotator(connection: Connection, of_project: Any) -> Any:
    newest = (
        select(REVISIONS.c.image_id, func.max(REVISIONS.c.number).label("number"))
        .join(IMAGES, IMAGES.c.id == REVISIONS.c.image_id)
        .where(of_project, REVISIONS.c.action.in_(_WORK))
        .group_by(REVISIONS.c.image_id)
        .subquery()
    )
    return connection.execute(
        select(REVISIONS.c.annotator, IMAGES.c.state, func.count().label("images"))
        .join(newest, (newest.c.image_id == REVISIONS.c.image_id))
        .join(IMAGES, IMAGES.c.id == REVISIONS.c.image_id)
        .where(newest.c.number == REVISIONS.c.number)
        .group_by(REVISIONS.c.annotator, IMAGES.c.state)
    )


def _counted(connection: Connection, column: Any, *conditions: Any) -> dict[str, int]:
    """How many images have each value of a column; those without one are left out."""
    rows = connection.execute(
        select(column, func.count()).where(*conditions, column.is_not(None)).group_by(column)
    )
    return {value: images for value, images in rows}
