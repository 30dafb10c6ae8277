"""Keypoints as a detector finds them: what errs, what is hidden, what is mixed."""

import numpy as np
import torch
from walker import seen, walk

from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.cascade import Cascade, CascadeSettings
from evoskeleton.lifting.detections.approximated import mixed
from evoskeleton.lifting.detections.confidence import as_confidence
from evoskeleton.lifting.detections.noise import detected
from evoskeleton.lifting.detections.settings import DetectionSettings
from evoskeleton.lifting.keypoints.keypoint_formats import known_set, without_hips
from evoskeleton.lifting.normalization import mirrored

JOINTS = torch.tensor(walk(400), dtype=torch.float32)
POINTS = torch.tensor(seen(walk(400)), dtype=torch.float32)
COUNTERS = torch.arange(400)
NONE = "tail hidden_noise drift swap guess guess_far drop drop_limb drop_side drop_legs drop_half"
QUIET = dict.fromkeys([*NONE.split(), "drop_arms", "mixed"], 0.0)


def drawn(**changes):
    settings = DetectionSettings.parse({"noise": (1e-9, 1e-9), **QUIET, **changes})
    return detected(POINTS, JOINTS, settings, 5, COUNTERS)


def test_without_any_error_keypoints_are_as_they_were():
    points, sure = drawn()
    assert torch.allclose(points, POINTS, atol=1e-3)
    assert (sure > 0.9).all() and (sure <= 1.0).all()


def test_a_draw_depends_on_its_own_address_alone():
    settings = DetectionSettings.parse({})
    whole = detected(POINTS, JOINTS, settings, 5, COUNTERS)
    part = detected(POINTS[100:200], JOINTS[100:200], settings, 5, COUNTERS[100:200])
    assert all(torch.equal(a[100:200], b) for a, b in zip(whole, part, strict=True))


def test_noise_is_in_shares_of_the_person_and_has_heavy_tails():
    def errors(**changes):
        return torch.linalg.vector_norm(drawn(noise=(0.01, 0.01), **changes)[0] - POINTS, dim=2)

    size = (POINTS.amax(1) - POINTS.amin(1)).amax(1)[:, None]
    plain, heavy = errors() / size, errors(tail=1.0) / size
    assert 0.008 < plain.median() < 0.015
    spread = [torch.quantile(one, 0.99) / one.median() for one in (plain, heavy)]
    assert spread[1] > 2 * spread[0]


def test_whole_parts_are_hidden_together():
    lower = drawn(drop_half=0.5)[1]
    gone = lower[:, Joint.RKNEE] == 0
    assert 0.4 < gone.float().mean() < 0.6
    assert (lower[gone][:, [Joint.HIP, Joint.LHIP, Joint.LFOOT]] == 0).all()
    assert (lower[gone][:, [Joint.LWRIST, Joint.RSHOULDER]] > 0.5).all()
    guessed = drawn(guess=0.5)[1]
    assert (guessed > 0.5).all() and (guessed < 0.9).any(1).float().mean() > 0.8


def test_trunk_and_head_are_mixed_as_the_detectors_are():
    detector = known_set("blazepose")
    chance = np.random.default_rng(1)
    points = chance.uniform(0, 500, (4, 33, 2))
    want, _ = detector.to_human36m(points)
    ears = (points[:, 7] + points[:, 8]) / 2
    given = torch.tensor(want)
    given[:, [Joint.SPINE, Joint.THORAX, Joint.NECK, Joint.HEAD, Joint.HIP]] = 0
    ones = torch.ones(4, 17)
    got, sure = mixed(given, torch.tensor(ears).float(), ones, ones[:, 0])
    assert np.abs(got.numpy() - want).max() < 1e-2 and (sure == 1).all()
    ones[:, [Joint.RHIP, Joint.LHIP]] = 0
    upper, upper_sure = without_hips("blazepose").to_human36m(
        points, np.r_[[np.arange(33) < 23] * 4]
    )
    got, sure = mixed(given, torch.tensor(ears).float(), ones, ones[:, 1] * 0 + 1)
    top = [Joint.THORAX, Joint.NECK, Joint.HEAD]
    assert np.abs(got.numpy() - upper)[:, top].max() < 1e-2
    assert (sure[:, top] == 1).all() and (sure[:, [Joint.HIP, Joint.SPINE]] == 0).all()
    assert (upper_sure[:, top] == 1).all() and (upper_sure[:, [Joint.HIP, Joint.SPINE]] == 0).all()


def test_a_network_tells_a_guess_from_what_is_seen_and_knows_no_side():
    torch.manual_seed(1)
    words = {"width": 16, "blocks": 1, "stages": 1, "confidence_input": True}
    cascade = Cascade(CascadeSettings.parse(words)).eval()
    known = torch.ones(2, 17)
    known[1, Joint.LWRIST] = 0.6
    both = cascade(cascade.features(POINTS[:1].repeat(2, 1, 1) / 500.0, known))
    assert (both[0] != both[1]).any()
    assert torch.equal(mirrored(mirrored(POINTS)), POINTS)
    confidence = as_confidence(np.array([0.0, 1.0, np.nan]), np.array([True, True, False]))
    assert np.allclose(confidence, [0.51, 1.0, 0.0])
