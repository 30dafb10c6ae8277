"""Graph models of TensorFlow.js as ONNX: the part of a graph that leads to some of its nodes.

A graph model is a JSON file of nodes, named by TensorFlow's operations, beside binary files of
weights (https://www.tensorflow.org/js/guide/conversion). Pictures are (1, height, width, channels)
there and (1, channels, height, width) in ONNX. Known are the operations that convolutional
networks are made of; weights that were stored in half precision become float32.
"""

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.extras import require

_OPSET, _IR_VERSION = 17, 8
_SIX, _ZERO, _TWICE = "six", "zero", "twice"

Node = Mapping[str, Any]


def to_onnx(model: Path, source: str, outputs: Sequence[str]) -> bytes:
    """An ONNX file of the part of a graph between a node and others.

    Args:
        model: the JSON file; its weights lie beside it.
        source: node that becomes the input, (1, 3, height, width) float32 of any even size.
        outputs: nodes that become the outputs, in this order.

    Raises:
        BadInput: ONNX is not installed, or the graph has an operation that is not known.
    """
    return _Graph(model, source).content(outputs)


def read_weights(document: Mapping[str, Any], folder: Path) -> dict[str, np.ndarray]:
    """The weights of a graph model by their nodes' names, as (shape) float32 or int32."""
    weights = {}
    for group in document["weightsManifest"]:
        content = b"".join((folder / path).read_bytes() for path in group["paths"])
        place = 0
        for entry in group["weights"]:
            stored = np.dtype(entry.get("quantization", entry)["dtype"])
            count = math.prod(entry["shape"])
            values = np.frombuffer(content, stored, count, place).reshape(entry["shape"])
            weights[entry["name"]] = values.astype(entry["dtype"])
            place += count * stored.itemsize
    return weights


class _Graph:
    """An ONNX graph in the making."""

    def __init__(self, model: Path, source: str) -> None:
        self._onnx: Any = require(
            "onnx", "this detector needs {}, which is not installed; try pip install onnx"
        )
        document = json.loads(model.read_text())
        self._nodes = {node["name"]: node for node in document["modelTopology"]["node"]}
        self._weights = read_weights(document, model.parent)
        self._source = source
        self._made: list[Any] = []
        self._constants: list[Any] = []
        self._done = {source}

    def content(self, outputs: Sequence[str]) -> bytes:
        for name in outputs:
            self._visit(name)
        self._constant(_ZERO, np.float32(0.0))
        self._constant(_SIX, np.float32(6.0))
        self._constant(_TWICE, np.array([1.0, 1.0, 2.0, 2.0], np.float32))
        helper, kind = self._onnx.helper, self._onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            self._made,
            "graph",
            [helper.make_tensor_value_info(self._source, kind, [1, 3, "height", "width"])],
            [helper.make_tensor_value_info(name, kind, None) for name in outputs],
            self._constants,
        )
        opset = [helper.make_opsetid("", _OPSET)]
        made: bytes = helper.make_model(
            graph, opset_imports=opset, ir_version=_IR_VERSION
        ).SerializeToString()
        return made

    def _visit(self, name: str) -> None:
        """Add a node after those that it needs."""
        if name in self._done:
            return
        self._done.add(name)
        node = self._nodes[name]
        make = self._known().get(node["op"])
        if make is None:
            raise BadInput(f"the graph model has an operation that is not known, {node['op']}")
        make(name, node)

    def _known(self) -> Mapping[str, Callable[[str, Node], None]]:
        return {
            "_FusedConv2D": self._convolution,
            "FusedDepthwiseConv2dNative": self._convolution,
            "DepthwiseConv2dNative": self._convolution,
            "AddV2": self._sum,
            "ResizeBilinear": self._twice,
        }

    def _convolution(self, name: str, node: Node) -> None:
        picture, weights, *bias = node["input"]
        self._visit(picture)
        kernel, attributes = self._weights[weights], node["attr"]
        grouped = "Depthwise" in node["op"]
        fused = _words(attributes.get("fused_ops", {}))
        inputs = [picture, self._constant(f"{name}/kernel", _turned(kernel, grouped))]
        if "BiasAdd" in fused:
            inputs.append(self._constant(f"{name}/bias", self._weights[bias[0]]))
        active = [word for word in fused if word.startswith("Relu")]
        raw = f"{name}/raw" if active else name
        self._add(
            "Conv",
            inputs,
            raw,
            auto_pad="SAME_UPPER",
            strides=[int(step) for step in attributes["strides"]["list"]["i"][1:3]],
            group=kernel.shape[2] if grouped else 1,
        )
        if active:
            self._add("Clip", [raw, _ZERO, *([_SIX] if active == ["Relu6"] else [])], name)

    def _sum(self, name: str, node: Node) -> None:
        for each in node["input"]:
            self._visit(each)
        self._add("Add", node["input"], name)

    def _twice(self, name: str, node: Node) -> None:
        """Maps of twice the size; graphs of this kind know no other."""
        self._visit(node["input"][0])
        how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        self._add("Resize", [node["input"][0], "", _TWICE], name, **how)

    def _add(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> None:
        self._made.append(self._onnx.helper.make_node(kind, inputs, [name], **attributes))

    def _constant(self, name: str, values: Any) -> str:
        array = np.ascontiguousarray(values) if np.ndim(values) else np.asarray(values)
        self._constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name


def _turned(kernel: np.ndarray, grouped: bool) -> np.ndarray:
    """A kernel (height, width, in, out) as ONNX wants it."""
    return kernel.transpose(2, 3, 0, 1) if grouped else kernel.transpose(3, 2, 0, 1)


def _words(attribute: Mapping[str, Any]) -> list[str]:
    return [base64.b64decode(word).decode() for word in attribute.get("list", {}).get("s", [])]
