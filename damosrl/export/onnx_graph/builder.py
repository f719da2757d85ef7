"""Nodes and constants of a graph under construction."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.export.extras import import_extra


class GraphBuilder:
    """Collects nodes in the order in which they run; every node has one output.

    Example:
        >>> builder = GraphBuilder()
        >>> doubled = builder.add("Mul", "x", builder.constant(np.float32(2.0)))
        >>> len(builder.nodes), len(builder.constants)
        (1, 1)
    """

    def __init__(self) -> None:
        self._onnx = import_extra("onnx", "onnx")
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: NDArray[Any] | np.generic) -> str:
        """Add a constant and return its name."""
        name = f"constant_{len(self.constants)}"
        array = np.asarray(value)
        self.constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        name = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(
            self._onnx.helper.make_node(operator, list(inputs), [name], name=name, **attributes)
        )
        return name

    def split(self, value: str, sizes: Sequence[int]) -> list[str]:
        """Cut a value along its last axis and return the names of the parts."""
        place = len(self.nodes)
        names = [f"split_{place}_{part}" for part in range(len(sizes))]
        inputs = [value, self.constant(np.array(sizes, np.int64))]
        self.nodes.append(
            self._onnx.helper.make_node("Split", inputs, names, name=f"split_{place}", axis=-1)
        )
        return names

    def cast(self, value: str, kind: type[np.generic]) -> str:
        """Change the type of a value."""
        code = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        return self.add("Cast", value, to=code)
