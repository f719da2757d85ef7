"""The whole ONNX model: observation in, normalised action and physical knobs out."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from damosrl.artifact import ActionKind
from damosrl.errors import ExportError, UnknownNameError
from damosrl.export.extras import import_extra
from damosrl.export.onnx_graph.builder import GraphBuilder
from damosrl.export.onnx_graph.knobs import physical_nodes, stepped_nodes
from damosrl.export.onnx_graph.network import network_nodes, without_gaps
from damosrl.policy import PolicyNetwork
from damosrl.task import TaskSpec

OPSET = 17
IR_VERSION = 8
"""Of ONNX 1.12, the first with opset 17: a run time need not be newer."""
OBSERVATION, ACTION, KNOBS = "observation", "action", "knobs"


def onnx_model(
    network: PolicyNetwork,
    spec: TaskSpec,
    action_kind: ActionKind,
    metadata: Mapping[str, str],
) -> bytes:
    """Return a policy as a serialised ONNX model that needs nothing beside it.

    Input ``observation`` ``(N, d)`` float32 as the environment gives it; NaN (nothing measured)
    counts as the middle of a feature's range. Output ``action`` ``(N, k)`` float32 is what the
    policy says, in [-1, 1]; output ``knobs`` ``(N, k)`` double are physical values in the units
    of the metadata, before the safety limits of the deployment.

    Args:
        network: The policy.
        spec: Its task: features and knobs with units and ranges.
        action_kind: What its actions mean; relative and discrete ones are steps from the
            positions in force, which the policy observes.
        metadata: Further metadata properties, such as the hash of the artifact.

    Raises:
        ExportError: onnx is not installed, or steps cannot be computed from the features.
    """
    onnx = import_extra("onnx", "onnx")
    builder = GraphBuilder()
    observation = without_gaps(builder, OBSERVATION)
    action = network_nodes(builder, network, observation)
    builder.add("Identity", action, output=ACTION)
    position = action
    if action_kind != "absolute":
        in_force = _places_in_force(spec)
        position = stepped_nodes(builder, spec.knobs.items, observation, in_force, action)
    builder.add("Identity", physical_nodes(builder, spec.knobs.items, position), output=KNOBS)
    kind, describe = onnx.TensorProto, onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        builder.nodes,
        "damosrl_policy",
        [describe(OBSERVATION, kind.FLOAT, ["N", network.observation_size])],
        [
            describe(ACTION, kind.FLOAT, ["N", network.action_size]),
            describe(KNOBS, kind.DOUBLE, ["N", len(spec.knobs)]),
        ],
        initializer=builder.constants,
    )
    model = onnx.helper.make_model(
        graph,
        producer_name="damosrl",
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.helper.set_model_props(model, {**_described(spec, action_kind), **metadata})
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _described(spec: TaskSpec, action_kind: ActionKind) -> dict[str, str]:
    """Return names, units and ranges as metadata properties."""

    def written(value: Any) -> str:
        return json.dumps(msgspec.to_builtins(value))

    return {
        "task": spec.task,
        "decision_interval_s": repr(spec.decision_interval_s),
        "action_kind": action_kind,
        "feature_names": ",".join(spec.observation.names),
        "knob_names": ",".join(spec.knobs.names),
        "knob_units": ",".join(item.unit for item in spec.knobs.items),
        "observation_spec": written(spec.observation.items),
        "knob_spec": written(spec.knobs.items),
        "missing_features": "NaN counts as 0, the middle of the range",
    }


def _places_in_force(spec: TaskSpec) -> list[int]:
    try:
        return [spec.observation.index(f"last_{name}") for name in spec.knobs.names]
    except UnknownNameError as error:
        raise ExportError(
            "steps need the knobs in force among the features",
            got=error,
            fix="train with absolute actions",
        ) from error
