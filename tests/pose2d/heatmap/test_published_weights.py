"""Published weights: files in the layouts of their authors, read into a network."""

import pickle
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.heatmap.settings import HeatmapSettings
from evoskeleton.pose2d.heatmap.weights import take_weights

SIZE = (96, 128)
SMALL = HeatmapSettings(width=16, picture_px=SIZE)

ENTRY = {16: (1, 32), 18: (2, 64), 32: (4, 64), 48: (4, 64)}
MODULES = {16: (1, 1, 1), 18: (1, 3, 2), 32: (1, 4, 3), 48: (1, 4, 3)}
BLOCKS = {16: 2, 18: 2, 32: 4, 48: 4}


def published(width: int, classifier: bool = False) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the authors' files, written down from their configurations."""
    shapes: dict[str, tuple[int, ...]] = {}

    def conv(name, inputs, outputs, side):
        shapes[f"{name}.weight"] = (outputs, inputs, side, side)

    def norm(name, channels):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (channels,)
        shapes[f"{name}.num_batches_tracked"] = ()

    def both(name, number, inputs, outputs, side):
        conv(f"{name}.{number[0]}", inputs, outputs, side)
        norm(f"{name}.{number[1]}", outputs)

    for row, inputs in ((1, 3), (2, 64)):
        conv(f"conv{row}", inputs, 64, 3)
        norm(f"bn{row}", 64)
    blocks, inner = ENTRY[width]
    for block in range(blocks):
        name, inputs = f"layer1.{block}", 4 * inner if block else 64
        for row, (one, two, side) in enumerate(
            [(inputs, inner, 1), (inner, inner, 3), (inner, 4 * inner, 1)], 1
        ):
            both(name, (f"conv{row}", f"bn{row}"), one, two, side)
        if inputs != 4 * inner:
            both(f"{name}.downsample", (0, 1), inputs, 4 * inner, 1)
    both("transition1.0", (0, 1), 4 * inner, width, 3)
    both("transition1.1.0", (0, 1), 4 * inner, 2 * width, 3)
    both("transition2.2.0", (0, 1), 2 * width, 4 * width, 3)
    both("transition3.3.0", (0, 1), 4 * width, 8 * width, 3)
    for stage, modules in zip((2, 3, 4), MODULES[width], strict=True):
        for module in range(modules):
            name = f"stage{stage}.{module}"
            for branch in range(stage):
                for block in range(BLOCKS[width]):
                    for row in (1, 2):
                        place = f"{name}.branches.{branch}.{block}"
                        channels = width << branch
                        both(place, (f"conv{row}", f"bn{row}"), channels, channels, 3)
            last = stage == 4 and module == modules - 1 and not classifier
            for goal in range(1 if last else stage):
                for origin in range(stage):
                    place, low, high = f"{name}.fuse_layers.{goal}.{origin}", origin, goal
                    if origin > goal:
                        both(place, (0, 1), width << origin, width << goal, 1)
                    for step in range(high - low):
                        end = goal if step == goal - origin - 1 else origin
                        both(f"{place}.{step}", (0, 1), width << origin, width << end, 3)
    if classifier:
        conv("incre_modules.0.0.conv1", width, 32, 1)
        conv("final_layer.0", 1024, 2048, 1)
        shapes["classifier.weight"] = (1000, 2048)
    else:
        shapes |= {"final_layer.weight": (17, width, 1, 1), "final_layer.bias": (17,)}
    return shapes


def tensors(shapes: dict[str, tuple[int, ...]], prefix: str = "") -> OrderedDict[str, torch.Tensor]:
    """Small numbers of these shapes; batch norms close to what training leaves."""
    random, made = torch.Generator().manual_seed(0), OrderedDict()
    for name, shape in shapes.items():
        value = 0.05 * torch.randn(shape, generator=random)
        if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
            value = value + 1.0
        counter = name.endswith("num_batches_tracked")
        made[prefix + name] = torch.tensor(7) if counter else value
    return made


@pytest.mark.parametrize("width", [16, 18, 32, pytest.param(48, marks=pytest.mark.long)])
def test_names_and_shapes_are_those_of_the_published_networks(width):
    network = HeatmapNetwork(HeatmapSettings(width=width))
    found = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert found == published(width)


@pytest.mark.parametrize("layout", ["plain", "module.", "checkpoint", "half", "safetensors", "old"])
def test_coco_weights_are_taken_with_their_head(tmp_path, layout):
    behind = {"module.": "module.", "half": "model.module."}.get(layout, "")
    weights = tensors(published(16), behind)
    if layout == "half":
        weights = {name: x.half() for name, x in weights.items()}
    if layout == "old":
        weights = {name: x for name, x in weights.items() if "num_batches" not in name}
    path = tmp_path / ("w.safetensors" if layout == "safetensors" else "w.pth")
    if layout == "safetensors":
        save_file(weights, path)
    else:
        torch.save({"epoch": 3, "state_dict": weights} if layout == "checkpoint" else weights, path)
    network = HeatmapNetwork(SMALL)
    report = take_weights(network, path)
    assert not report.drawn and not report.left and len(report.taken) == len(weights)
    near = 1e-2 if layout == "half" else 0.0
    wanted = tensors(published(16))["final_layer.weight"]
    torch.testing.assert_close(network.final_layer.weight.data, wanted, rtol=near, atol=near)


def test_imagenet_weights_are_taken_without_their_classifier(tmp_path):
    torch.save(tensors(published(16, classifier=True)), tmp_path / "imagenet.pth")
    network, other = HeatmapNetwork(SMALL, 1), HeatmapNetwork(SMALL, 2)
    for each in (network, other):
        report = take_weights(each, tmp_path / "imagenet.pth")
    assert report.drawn == ("final_layer.weight", "final_layer.bias")
    assert {name.split(".")[0] for name in report.left} == {
        "stage4", "incre_modules", "final_layer", "classifier",
    }  # fmt: skip
    other.final_layer.load_state_dict(network.final_layer.state_dict())
    picture = torch.rand(1, 3, 128, 96)
    assert torch.equal(network.eval()(picture), other.eval()(picture))


def test_a_head_for_other_keypoints_is_drawn_anew(tmp_path):
    torch.save(tensors(published(16)), tmp_path / "coco.pth")
    network = HeatmapNetwork(HeatmapSettings(width=16, picture_px=SIZE, keypoints=("a", "b")))
    assert take_weights(network, tmp_path / "coco.pth").drawn == (
        "final_layer.weight", "final_layer.bias",
    )  # fmt: skip


def test_the_seeds_weights_are_taken_with_its_272_channels(tmp_path):
    shapes = published(16) | {"upsample_layer.0.weight": (272, 17, 1, 1)}
    shapes |= {"upsample_layer.0.bias": (272,), "upsample_layer.1.num_batches_tracked": ()}
    for part in ("weight", "bias", "running_mean", "running_var"):
        shapes[f"upsample_layer.1.{part}"] = (272,)
    torch.save(tensors(shapes), tmp_path / "seed.pth")
    settings = HeatmapSettings(width=16, picture_px=SIZE, head="seed", keypoints=JOINT_NAMES)
    network = HeatmapNetwork(settings)
    report = take_weights(network, tmp_path / "seed.pth")
    assert not report.drawn and not report.left
    maps = network.eval()(torch.rand(1, 3, 128, 96))
    assert maps.shape == (1, 17, 128, 96) and (maps >= 0).all()


class Asks:
    def __reduce__(self):
        return print, ("hello",)


def without(name):
    return {key: shape for key, shape in published(16).items() if key != name}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (published(18), "should be of width 16, got width 18"),
        (without("stage3.0.branches.2.1.bn2.bias"), "shallower network: there is no stage3.0"),
        (published(16) | {"layer1.1.bn1.bias": (32,)}, "deeper network: layer1.1.bn1.bias has"),
        (published(16) | {"conv2.weight": (64, 64, 1, 1)}, r"should be \(64, 64, 3, 3\), got"),
        ({"fc.weight": (3, 4)}, "should be HRNet's"),
        ({}, "should hold tensors by name, got none"),
    ],
)
def test_weights_of_another_network_are_told_and_change_nothing(tmp_path, content, sentence):
    torch.save(tensors(content), tmp_path / "other.pth")
    network = HeatmapNetwork(SMALL)
    before = network.conv1.weight.clone()
    with pytest.raises(BadInput, match=sentence):
        take_weights(network, tmp_path / "other.pth")
    assert torch.equal(network.conv1.weight, before)


def test_a_file_that_is_no_torch_file_or_asks_for_more_is_told(tmp_path):
    path, network = tmp_path / "w.pth", HeatmapNetwork(SMALL)
    with pytest.raises(BadInput, match=r"w.pth cannot be read: No such file"):
        take_weights(network, path)
    for content in (b"", b"hello", b"\x80\x02garbage" * 9):
        path.write_bytes(content)
        with pytest.raises(BadInput, match=r"weights .*w.pth are damaged"):
            take_weights(network, path)
    path.write_bytes(pickle.dumps({"a": Asks()}))
    with pytest.raises(BadInput, match="damaged|they ask for"):
        take_weights(network, path)
    torch.save({"a": Asks()}, path)
    with pytest.raises(BadInput, match=r"should be tensors, they ask for \S*print"):
        take_weights(network, path)
    broken = tensors(published(16))
    broken["bn1.bias"][3] = float("nan")
    torch.save(broken, path)
    with pytest.raises(BadInput, match="should be finite, bn1.bias is not"):
        take_weights(network, path)
    for name, value, sentence in (
        ("conv1.weight", torch.zeros(64, 3, 3, 3, dtype=torch.int8), "floating-point.*got int8"),
        ("bn1.weight", torch.ones(64).to_sparse(), "floating-point numbers, got sparse_coo on cpu"),
        ("bn1.running_var", -torch.ones(64), "bn1.running_var are variances"),
    ):
        torch.save({"model": {"state_dict": tensors(published(16)) | {name: value}}}, path)
        with pytest.raises(BadInput, match=sentence):
            take_weights(network, path)
