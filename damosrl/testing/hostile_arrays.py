"""Forged weights: the hashes fit, the arrays do not."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from damosrl.artifact import WEIGHTS
from damosrl.artifact.archive import pack
from damosrl.artifact.arrays import NPY_SUFFIX, pack_arrays, unpack_arrays
from damosrl.testing.hostile_forms import Attack, Members, Rng, as_either, one_of, with_weights

EXECUTED = "executed"
"""File that a pickle in the weights would leave beside the bundle."""


class _Payload:
    """Runs code when unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._mark,)


def no_numbers(rng: Rng, members: Members, path: Path) -> Path:
    """Put NaN or infinity among the weights, the thresholds or the values."""
    arrays = _arrays(members)
    name = one_of(rng, [name for name, array in arrays.items() if array.dtype.kind == "f"])
    arrays[name].flat[int(rng.integers(arrays[name].size))] = one_of(rng, (np.nan, np.inf, -np.inf))
    return _written(rng, members, pack_arrays(arrays), path)


def wrong_shapes(rng: Rng, members: Members, path: Path) -> Path:
    """Give an array other axes or other lengths."""
    arrays = _arrays(members)
    name = one_of(rng, list(arrays))
    array = arrays[name]
    arrays[name] = one_of(
        rng,
        (array[None], array[:0], array[..., None, None], np.concatenate([array, array]),
         array.reshape(()) if array.size == 1 else array.sum()),
    )  # fmt: skip
    return _written(rng, members, pack(_members(arrays)), path)


def other_types(rng: Rng, members: Members, path: Path) -> Path:
    """Give an array another type: wider, of another byte order, complex, text or records."""
    arrays = _arrays(members)
    name = one_of(rng, list(arrays))
    kind = one_of(rng, (">f4", "<f2", "<i8", "<c8", "<u4", "?", "<U8", "S3", "<M8[s]", "f4,i4"))
    arrays[name] = np.zeros(arrays[name].shape, kind)
    return _written(rng, members, pack(_members(arrays)), path)


def pickles(rng: Rng, members: Members, path: Path) -> Path:
    """Hide a pickle that runs code in an array, or in the place of one."""
    arrays = _arrays(members)
    name = f"{one_of(rng, list(arrays))}{NPY_SUFFIX}"
    payload = _Payload(path.parent.parent / EXECUTED)
    buffer = io.BytesIO()
    np.save(buffer, np.array([payload], object), allow_pickle=True)
    content = one_of(rng, (buffer.getvalue(), pickle.dumps(payload)))
    weights = pack({**_members(arrays), name: content})
    return _written(rng, members, one_of(rng, (weights, pickle.dumps(payload))), path)


def wrong_headers(rng: Rng, members: Members, path: Path) -> Path:
    """Promise other sizes than follow, or write a header that is an expression."""
    arrays = _arrays(members)
    name = f"{one_of(rng, list(arrays))}{NPY_SUFFIX}"
    shape = one_of(
        rng,
        ("(99999999, 99999)", "(4611686018427387904,)", "(-1,)", "(0,)", "()", "(1, 1, 1)",
         "(10**9,)", "(3, 99999999999999999999)", "[1]", "(" * 500, "__import__('os')", "(True,)",
         "(1.0,)", "(1_0,)"),
    )  # fmt: skip
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    length = one_of(rng, (len(header), 65_535, 0)).to_bytes(2, "little")
    start = one_of(rng, (b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00", b"\x93NUMPY\xff\xff"))
    content = start + length + header + bytes(int(rng.integers(64)))
    return _written(rng, members, pack({**_members(arrays), name: content}), path)


def wrong_arrays(rng: Rng, members: Members, path: Path) -> Path:
    """Leave out arrays, add some, or have hundreds."""
    arrays = _arrays(members)
    gone = one_of(rng, list(arrays))
    count = one_of(rng, (1, 200))
    more = {f"extra_{number}": np.zeros(1, np.float32) for number in range(count)}
    few = {name: array for name, array in arrays.items() if name != gone}
    return _written(rng, members, pack_arrays(one_of(rng, (few, {**arrays, **more}))), path)


def broken_weights(rng: Rng, members: Members, path: Path) -> Path:
    """Cut the weights, or write something else, with the hash of just that."""
    content = members[WEIGHTS]
    cut = content[: int(rng.integers(len(content)))]
    inner = {
        name: member[: len(member) // 2] for name, member in _members(_arrays(members)).items()
    }
    return _written(rng, members, one_of(rng, (cut, rng.bytes(200), pack(inner))), path)


def wrong_trees(rng: Rng, members: Members, path: Path) -> Path:
    """Let a tree's walk go in circles, out of the arrays, or end in what is no action."""
    arrays = _arrays(members)
    if "threshold" not in arrays:
        arrays["weight_0"] = np.ascontiguousarray(arrays["weight_0"].T)
        return _written(rng, members, pack_arrays(arrays), path)
    inner = int(one_of(rng, np.flatnonzero(arrays["left"] >= 0)))
    child = int(rng.integers(-(2**31), inner + 1))
    name, value = one_of(
        rng,
        (("left", inner), ("right", 0), ("left", 2**31 - 1), ("right", -2), ("left", child),
         ("feature", 3), ("feature", -1), ("feature", 2**31 - 1)),
    )  # fmt: skip
    arrays[name][inner] = value
    if rng.random() < 0.2:
        arrays["value"] = arrays["value"] + np.float32(3)
    return _written(rng, members, pack_arrays(arrays), path)


def _arrays(members: Members) -> dict[str, Any]:
    """Return copies of a bundle's arrays; of one that has none, the arrays of a small network."""
    found = {name: array.copy() for name, array in unpack_arrays(members[WEIGHTS]).items()}
    sizes = {"weight_0": (2, 3), "bias_0": (2,)}
    return found or {name: np.zeros(size, np.float32) for name, size in sizes.items()}


def _members(arrays: dict[str, Any]) -> dict[str, bytes]:
    members = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=False)
        members[f"{name}{NPY_SUFFIX}"] = buffer.getvalue()
    return members


def _written(rng: Rng, members: Members, weights: bytes, path: Path) -> Path:
    return as_either(rng, with_weights(members, weights), path)


FORGED_ARRAYS: tuple[Attack, ...] = (
    no_numbers,
    wrong_shapes,
    other_types,
    pickles,
    wrong_headers,
    wrong_arrays,
    broken_weights,
    wrong_trees,
)
