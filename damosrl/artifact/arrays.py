"""``weights.npz``: arrays of three types and one or two axes, and nothing else.

NumPy's own reader evaluates headers as Python literals and allocates what they promise. Here a
header is matched against the one form that is written, and its shape must account for the bytes
that follow, before an array is made.
"""

import io
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.artifact.archive import pack, unpack
from damosrl.artifact.layout import MAX_ARRAYS, WEIGHTS
from damosrl.errors import ArtifactError

Arrays = dict[str, NDArray[Any]]

NPY_SUFFIX = ".npy"
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)"
    rb"\{'descr': '(?P<type><f4|<f8|<i4)', 'fortran_order': (?P<fortran>True|False), "
    rb"'shape': \((?P<rows>[1-9][0-9]{0,7}),(?: (?P<columns>[1-9][0-9]{0,7}))?\), \} *\n",
    re.DOTALL,
)
"""Version 1.0 of the format (numpy.lib.format), with the spacing NumPy writes."""
_PREAMBLE_BYTES = 10


def pack_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return arrays as the bytes of an .npz file; equal arrays give equal bytes."""
    members = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.lib.format.write_array(
            buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False
        )
        members[f"{name}{NPY_SUFFIX}"] = buffer.getvalue()
    return pack(members)


def unpack_arrays(content: bytes) -> Arrays:
    """Return the arrays of an .npz file, C-contiguous.

    Raises:
        ArtifactError: It is no such file, or an array has another type, more axes, or a shape
            that does not account for its bytes.
    """
    arrays = {}
    for name, member in unpack(content, WEIGHTS, max_members=MAX_ARRAYS).items():
        if not name.endswith(NPY_SUFFIX):
            raise ArtifactError(f"{WEIGHTS} holds what is no array", got=repr(name[:60]))
        arrays[name.removesuffix(NPY_SUFFIX)] = _array(name, member)
    return arrays


def _array(name: str, member: bytes) -> NDArray[Any]:
    found = _HEADER.match(member)
    if found is None or int.from_bytes(found["length"], "little") != found.end() - _PREAMBLE_BYTES:
        raise ArtifactError(
            f"{name} has a wrong type or form",
            got=repr(member[_PREAMBLE_BYTES:70]),
            allowed="float32, float64 or int32 with one or two axes",
        )
    kind = np.dtype(found["type"].decode())
    shape = tuple(int(size) for size in (found["rows"], found["columns"]) if size is not None)
    promised = int(np.prod(shape, dtype=object)) * kind.itemsize
    if promised != len(member) - found.end():
        raise ArtifactError(
            f"{name} has another size than its shape",
            got=f"{len(member) - found.end()} bytes",
            allowed=f"{promised} bytes for {shape}",
        )
    flat = np.frombuffer(member, kind, offset=found.end())
    order: Any = "F" if found["fortran"] == b"True" else "C"
    return np.ascontiguousarray(flat.reshape(shape, order=order))
