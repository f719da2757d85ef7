"""What a policy can be turned into: an ONNX graph, a kdamonds document, a decision tree."""
