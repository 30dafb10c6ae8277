"""A bundle of a heat-map network, read and served: the contract of detectors, and what is told."""

import json
import shutil

import numpy as np
import pytest
import torch
from bright_spots import BrightSpots
from detector_contract import BOX, DetectorContract

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES, MIRROR, Joint
from evoskeleton.lifting.keypoints.keypoint_formats import APPROXIMATED, COCO
from evoskeleton.lifting.keypoints.layouts import LAYOUTS, of_names
from evoskeleton.pose2d.detectors import load_detector
from evoskeleton.pose2d.heatmap.bundle import load_bundle, read_card, save_bundle
from evoskeleton.pose2d.heatmap.calibration import Calibration, fit_calibration
from evoskeleton.pose2d.heatmap.decoding import decoded
from evoskeleton.pose2d.heatmap.heatmap_detector import HeatmapDetector, HeatmapDetectorSettings
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.heatmap.onnx_network import OnnxNetwork
from evoskeleton.pose2d.heatmap.person_crops import normalized
from evoskeleton.pose2d.heatmap.settings import HeatmapSettings

SIZE = (96, 128)


def peaked(settings: HeatmapSettings) -> HeatmapNetwork:
    """A network that nobody trained, whose maps nevertheless have peaks like a trained one's."""
    network = HeatmapNetwork(settings, seed=3)
    torch.nn.init.normal_(
        network.final_layer.weight, std=0.3, generator=torch.Generator().manual_seed(1)
    )
    return network.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("detectors") / "small"
    save_bundle(peaked(HeatmapSettings(width=16, picture_px=SIZE)), place, {"epochs": 3})
    return place


@pytest.fixture(scope="module")
def seed_folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("detectors") / "seed"
    settings = HeatmapSettings(width=16, picture_px=SIZE, head="seed", keypoints=JOINT_NAMES)
    save_bundle(peaked(settings), place, {})
    return place


@pytest.fixture
def scene():
    image = np.random.default_rng(4).integers(0, 180, (425, 640, 3), np.uint8)
    image[200:230, 380:400] = 255
    return image


@pytest.fixture(scope="module")
def plain(folder):
    return HeatmapDetector(folder, finder=BrightSpots())


class TestHeatmapDetector(DetectorContract):
    @pytest.fixture
    def detector(self, plain):
        return plain

    def test_keypoints_that_coco_lacks_are_said_to_be_approximated(self, detector):
        assert detector.approximated == APPROXIMATED

    def test_a_box_moves_its_keypoints_along(self, detector, scene):
        (before,) = detector.detect(scene, BOX)
        moved = np.zeros((465, 690, 3), np.uint8)
        moved[40:, 50:] = scene
        (after,) = detector.detect(moved, BOX + [50, 40, 50, 40])
        known = (before.confidence > 0) & (after.confidence > 0)
        assert known.sum() > 5
        shift = after.keypoints[known] - before.keypoints[known]
        assert np.abs(shift - (50, 40)).max() < 0.05

    def test_several_callers_get_the_same(self, detector, scene):
        shared = detector.for_callers(2)
        (one,), (other,) = shared.detect(scene, BOX), detector.detect(scene, BOX)
        assert shared.settings.threads == 1
        assert np.array_equal(one.keypoints, other.keypoints)

    def test_a_keypoint_outside_the_picture_is_not_known(self, detector, scene):
        (found,) = detector.detect(scene[:, :390], BOX)
        outside = ~(found.keypoints[:, 0] <= 390)
        assert outside.any() and (found.confidence[outside] == 0).all()


def test_onnx_runtime_gives_torchs_keypoints(folder, seed_folder):
    pictures = normalized(np.random.default_rng(0).integers(0, 256, (3, 128, 96, 3), np.uint8))
    for place in (folder, seed_folder):
        network, card = load_bundle(place)
        mean = card.network.head == "seed"
        with torch.no_grad():
            wanted = decoded(network(torch.from_numpy(pictures)).numpy(), SIZE, mean)
        found = decoded(HeatmapDetector(place, finder=BrightSpots()).maps(pictures), SIZE, mean)
        assert np.abs(found.keypoints - wanted.keypoints).max() < 0.05


def test_the_flip_test_gives_a_mirrored_person_mirrored_maps(seed_folder):
    settings = HeatmapDetectorSettings(flip=True)
    detector = HeatmapDetector(seed_folder, settings, finder=BrightSpots())
    pictures = normalized(np.random.default_rng(2).integers(0, 256, (1, 128, 96, 3), np.uint8))
    turned = detector.maps(np.ascontiguousarray(pictures[..., ::-1]))[:, MIRROR, :, ::-1]
    assert np.abs(detector.maps(pictures) - turned).max() < 1e-4
    plain = HeatmapDetector(seed_folder, finder=BrightSpots()).maps(pictures)
    assert np.abs(plain - turned).max() > 1e-2


def test_a_bundle_gives_back_the_network_and_its_record(folder):
    network, card = load_bundle(folder)
    wanted = peaked(HeatmapSettings(width=16, picture_px=SIZE))
    picture = torch.rand(1, 3, 128, 96)
    assert torch.equal(network(picture), wanted(picture))
    assert card.training == {"epochs": 3} and card.network.keypoints == COCO


def test_a_bundle_is_replaced_as_a_whole_and_nothing_else_is(folder, tmp_path):
    place = damaged(folder, tmp_path, lambda copy: (copy / "notes.txt").write_text("x"))
    before = read_card(place)
    after = save_bundle(HeatmapNetwork(before.network, seed=9), place, {})
    assert load_bundle(place)[1] == after != before and not (place / "notes.txt").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(BadInput, match="mine should be a detector's folder or empty"):
        save_bundle(HeatmapNetwork(before.network), tmp_path / "mine", {})


def test_a_network_for_our_own_joints_approximates_none(seed_folder, scene):
    detector = HeatmapDetector(seed_folder, finder=BrightSpots())
    (found,) = detector.detect(scene, BOX)
    assert found.approximated == ()
    own = detector.locate(scene, BOX[0])
    assert np.allclose(found.keypoints, own.keypoints[0], atol=1e-3)


def test_joints_that_the_keypoints_lack_are_not_known(folder, tmp_path, scene):
    card = read_card(folder).model_dump(mode="json")
    card["network"]["keypoints"] = [name.replace("ear", "antenna") for name in COCO]
    place = damaged(folder, tmp_path, changed_card(**card))
    (found,) = HeatmapDetector(place, finder=BrightSpots()).detect(scene, BOX)
    assert np.isnan(found.keypoints[Joint.HEAD]).all() and found.confidence[Joint.HEAD] == 0
    assert np.isfinite(found.keypoints[Joint.HIP]).all()


def test_mpiis_own_trunk_and_head_are_taken():
    known = of_names(LAYOUTS["mpii"].names)
    assert known is LAYOUTS["mpii"] and not known.approximated[[Joint.HIP, Joint.THORAX]].any()


def test_calibrated_confidences_are_the_share_that_is_right():
    random = np.random.default_rng(7)
    peaks = random.random((4000, 2))
    right = random.random((4000, 2)) < 1 / (1 + np.exp(-np.array([-4, -1]) - [9, 2] * peaks))
    labelled = random.random((4000, 2)) < 0.8
    curves = fit_calibration(peaks[:3000], right[:3000], labelled[:3000])
    sure = curves.confidence(peaks[3000:])
    for low in (0.0, 0.25, 0.5, 0.75):
        part = (sure >= low) & (sure < low + 0.25)
        if part.sum() > 50:
            assert abs(sure[part].mean() - right[3000:][part].mean()) < 0.06
    seldom = fit_calibration(peaks[:6], right[:6], np.zeros((6, 2), bool))
    assert seldom.confidence(np.array([0.5, 0.5])).tolist() == [0.5, 0.5]


def test_a_bundles_calibration_makes_its_confidences(folder, tmp_path, scene):
    curves = Calibration(slopes=(0.0,) * 17, offsets=(float(np.log(3.0)),) * 17)
    card = changed_card(calibration=curves.model_dump(mode="json"))
    place = damaged(folder, tmp_path, card)
    (found,) = HeatmapDetector(place, finder=BrightSpots()).detect(scene, BOX)
    assert found.confidence[found.confidence > 0] == pytest.approx(0.75)


def damaged(folder, tmp_path, change):
    place = tmp_path / "copy"
    shutil.copytree(folder, place)
    change(place)
    return place


def changed_card(**changes):
    def change(place):
        card = json.loads((place / "detector.json").read_text())
        (place / "detector.json").write_text(json.dumps({**card, **changes}))

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda place: (place / "model.onnx").unlink(), "model.onnx: No such file"),
        (lambda place: (place / "model.onnx").write_bytes(b"x"), "not the one that was saved"),
        (lambda place: (place / "detector.json").write_text("{"), "it is not JSON"),
        (changed_card(format="other"), "should have format 'evoskeleton detector 1', got 'other'"),
        (changed_card(self_test=[1.0] * 17), "the self-test gives other maps"),
        (changed_card(calibration={"slopes": [1], "offsets": [1]}), "each of 17 keypoints"),
        (changed_card(network={"width": 17}), "is damaged"),
    ],
)
def test_a_damaged_bundle_is_told(folder, tmp_path, change, sentence):
    place = damaged(folder, tmp_path, change)
    with pytest.raises(BadInput, match=sentence):
        load_detector(str(place))


def test_weights_that_are_not_those_that_were_saved_are_told(folder, tmp_path):
    place = damaged(folder, tmp_path, lambda copy: (copy / "model.safetensors").write_bytes(b"x"))
    with pytest.raises(BadInput, match="model.safetensors is damaged"):
        load_bundle(place)


def test_a_folder_that_holds_no_detector_and_a_wrong_setting_are_told(folder, tmp_path):
    with pytest.raises(BadInput, match=r"detector.json: No such file"):
        load_detector(str(tmp_path))
    with pytest.raises(BadInput, match="unknown setting flop; did you mean flip"):
        load_detector(str(folder), ["flop=true"])


def test_what_is_no_network_is_told_by_the_runtime():
    with pytest.raises(BadInput, match="ONNX Runtime cannot use the network"):
        OnnxNetwork(b"nothing", 1)
