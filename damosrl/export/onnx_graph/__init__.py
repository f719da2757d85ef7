"""A policy as an ONNX graph, from the raw observation to physical knobs."""

from damosrl.export.onnx_graph.model import OPSET, onnx_model
from damosrl.export.onnx_graph.run import OnnxPolicy

__all__ = ["OPSET", "OnnxPolicy", "onnx_model"]
