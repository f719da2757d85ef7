"""A policy run by onnxruntime, on one CPU core."""

from typing import Any

import numpy as np

from damosrl.export.extras import import_extra
from damosrl.export.onnx_graph.model import ACTION, KNOBS, OBSERVATION
from damosrl.knobs import Float32Array, FloatArray


class OnnxPolicy:
    """An ONNX model that `onnx_model` made, ready to act.

    Args:
        content: The serialised model.

    Raises:
        ExportError: onnxruntime is not installed.

    Example:
        >>> def knobs_of(content: bytes, observations: Float32Array) -> FloatArray:
        ...     return OnnxPolicy(content)(observations)[1]
    """

    def __init__(self, content: bytes) -> None:
        runtime = import_extra("onnxruntime", "onnx")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = runtime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )

    @property
    def metadata(self) -> dict[str, str]:
        """Names, units, specs, hash."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def __call__(self, observations: Float32Array) -> tuple[Float32Array, FloatArray]:
        """Return actions ``(N, k)`` and physical knobs ``(N, k)`` for observations ``(N, d)``."""
        inputs = {OBSERVATION: np.ascontiguousarray(observations, dtype=np.float32)}
        actions, knobs = self._session.run([ACTION, KNOBS], inputs)
        return actions, knobs
