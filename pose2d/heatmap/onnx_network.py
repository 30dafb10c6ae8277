"""A network in ONNX Runtime, on the processor."""

from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.extras import require

_WARNINGS_OFF = 3


class OnnxNetwork:
    """Pictures in, maps out; several threads may ask at once."""

    def __init__(self, content: bytes, threads: int) -> None:
        """Load a network.

        Args:
            content: of an ONNX file with one input.
            threads: processor threads of one call; between calls they sleep.

        Raises:
            BadInput: ONNX Runtime is not installed, or cannot use the file.
        """
        runtime: Any = require(
            "onnxruntime",
            "the detector needs {}, which is not installed; try pip install onnxruntime",
        )
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _WARNINGS_OFF
        try:
            self._session = runtime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no common class
            raise BadInput(f"ONNX Runtime cannot use the network: {error}") from None
        self._input = self._session.get_inputs()[0].name

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """The first output for (n, 3, height, width) float32 pictures."""
        return self.all(pictures)[0]

    def all(self, pictures: np.ndarray) -> list[np.ndarray]:
        """All outputs for (n, 3, height, width) float32 pictures, in the file's order."""
        outputs: list[np.ndarray] = self._session.run(None, {self._input: pictures})
        return outputs
