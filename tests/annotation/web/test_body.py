"""The page's bodies against this package's: flips, pushes, heights, undo; in the browser itself."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from page_browsing import opened

from evoskeleton.annotation.formats.exports import upright
from evoskeleton.evolution.operators.ground import GroundSettings
from evoskeleton.evolution.skeleton import PARENTS
from evoskeleton.lifting.model_fit.body_cost import (
    Bodies,
    CostSettings,
    bone_directions,
    lengths_mm,
)
from evoskeleton.lifting.model_fit.depth_flips import flipped

pytestmark = pytest.mark.long

SCRIPT = (Path(__file__).parent / "asked_of_bodies.js").read_text()


def asked(page, name, given):
    """What a function of that script says."""
    return page.evaluate(f"(given) => ({SCRIPT}).{name}(given)", given)


@pytest.fixture(scope="module")
def bodies(motion):
    """(80, 17, 3) camera mm: the made-up person, 4 m before a camera, from several sides."""
    return sides(motion, range(0, 240, 3))


def sides(motion, moments):
    seen = []
    for at in moments:
        turn, at = 0.7 * at, at % len(motion)
        x, y, z = np.moveaxis(motion[at] - motion[at][:1], 1, 0)
        right, away = np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y
        seen.append(np.stack([right, -z, away + 4000.0], axis=1))
    return np.array(seen)


@pytest.fixture
def page(annotating, chromium):
    with annotating(1) as street, opened(chromium, street.address("ann")) as page:
        yield page


def test_a_flip_is_that_of_the_fit(page, motion):
    bodies = sides(motion, range(1000))
    mine = np.array(asked(page, "flips", [bodies.tolist()]))
    joints = torch.from_numpy(bodies)
    offsets = joints[:, 1:] - joints[:, list(PARENTS[1:])]
    longest = torch.linalg.vector_norm(offsets, dim=2)
    for bone in range(16):
        flips = torch.zeros(len(bodies), 16, dtype=torch.bool)
        flips[:, bone] = True
        theirs = oracle(joints, longest, flips)
        assert np.abs(mine[:, bone] - theirs).max() < 1e-3


def oracle(joints, lengths, flips):
    """`depth_flips.flipped` for bodies whose left and right bones are of different lengths: each
    body is asked for once a bone, with that bone's length for all of its group."""
    settings = CostSettings.parse({})
    template = lengths_mm(torch.zeros(1, 10, dtype=torch.float64), settings)[0]
    from evoskeleton.lifting.model_fit import body_cost

    scale = torch.zeros(len(joints), 10, dtype=torch.float64)
    for bone in range(16):
        scale[:, body_cost.GROUP[bone]] = (lengths[:, bone] / template[bone]).log()
    bodies = Bodies(joints[:, 0], bone_directions(joints), scale)
    turned = flipped(bodies, flips, settings)
    return body_cost.body_joints(turned, settings).numpy()


def test_a_push_goes_where_it_should_and_the_picture_stays(page, bodies):
    results, milliseconds = asked(page, "pushes", [bodies.tolist(), 100.0])
    short, off, longer = np.abs(np.array(results)).T
    assert np.quantile(short, 0.95) < 5.0
    assert np.quantile(off, 0.99) < 1.5 and np.quantile(longer, 0.95) < 0.06
    print(f"a push takes {milliseconds:.1f} ms")
    assert milliseconds < 100


def test_every_undo_gives_back_the_state_and_a_journal_the_work(page, bodies):
    assert asked(page, "undo", [bodies[7].tolist(), 7, 1000]) is None


def test_height_leaves_the_picture_and_pitch_turns_as_the_export_does(page, bodies):
    assert asked(page, "heights", [bodies[3].tolist()]) < 1e-6
    seen = bodies[3] - bodies[3][:1]
    person = SimpleNamespace(joints=seen.tolist(), camera_pitch_deg=23.0)
    mine = np.array(asked(page, "upright", [seen.tolist(), 23.0]))
    mine[:, 2] += GroundSettings.parse({}).height_mm - mine[:, 2].min()
    assert np.abs(mine - upright(person)).max() < 1e-3
