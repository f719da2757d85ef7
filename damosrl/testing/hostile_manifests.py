"""Forged manifests: the hash fits, the content does not."""

import json
from pathlib import Path
from typing import Any

import msgspec

from damosrl.artifact import MANIFEST, SIGNATURE
from damosrl.testing.hostile_forms import (
    Attack,
    Members,
    Rng,
    as_either,
    as_folder,
    manifest_of,
    one_of,
    with_manifest,
)

Place = tuple[str | int, ...]

FREE = ("provenance", "task_settings", "safety", "parameters")
"""Keys below which anything may stand, as far as the schema goes."""
NEEDED = ("name", "unit", "low", "high", "meaning")
"""Keys of a quantity without a default."""


def wrong_types(rng: Rng, members: Members, path: Path) -> Path:
    """Put a value of another type somewhere."""
    content = manifest_of(members)
    place = one_of(rng, _places(content))
    true = _value(content, place)
    values: list[Any] = ["text", 1.5, True, ["text"], {"a": "text"}]
    if true is None:
        values = ["text", ["text"], {"a": "text"}]
    numbers = (int, float)
    fitting = numbers if isinstance(true, numbers) else type(true)
    _put(content, place, one_of(rng, [one for one in values if not _is_a(one, fitting)]))
    return as_either(rng, with_manifest(members, content), path)


def wrong_keys(rng: Rng, members: Members, path: Path) -> Path:
    """Leave out a key that is needed, or add one that nobody knows."""
    content = manifest_of(members)
    part = one_of(rng, (content, content["policy"], one_of(rng, content["knobs"]),
                        content["deployment"], one_of(rng, content["observation"])))  # fmt: skip
    optional = part is content["deployment"] or "unit" in part
    needed = [key for key in part if not optional or key in NEEDED]
    needed = [key for key in needed if key != "content_sha256"]
    if needed and rng.random() < 0.5:
        del part[one_of(rng, needed)]
    else:
        part[one_of(rng, ("_target_", "code", "__class__", "x" * 10_000, ""))] = "os.system"
    return as_either(rng, with_manifest(members, content), path)


def wrong_numbers(rng: Rng, members: Members, path: Path) -> Path:
    """Put in a number that arithmetic does not survive."""
    content = manifest_of(members)
    places = [place for place in _places(content) if type(_value(content, place)) in (int, float)]
    _put(content, one_of(rng, places), one_of(rng, (1e308, -1e308, 10**400, -(10**400))))
    return as_either(rng, with_manifest(members, content), path)


def wrong_values(rng: Rng, members: Members, path: Path) -> Path:
    """Put in a value of the right type that means nothing."""
    content = manifest_of(members)
    place, value = one_of(
        rng,
        (
            (("version",), int(rng.integers(3, 1000))),
            (("format",), "pickle"),
            (("action_kind",), "sideways"),
            (("policy", "kind"), "code"),
            (("decision_interval_s",), -1.0),
            (("knobs", 0, "scale"), "cubic"),
            (("knobs", 0, "low"), 2e9),
            (("knobs", 1, "name"), "quota"),
            (("observation", 0, "name"), "b"),
            (("knobs",), []),
            (("observation",), []),
            (("knobs", 0, "off_below"), 1.0),
            (("deployment", "frames"), 0),
            (("deployment", "quota_loop"), "fast"),
            (("deployment", "observed", "low"), [0.0]),
            (("deployment", "observed", "low"), [0.9, 0.9, 0.9]),
            (("deployment", "safety"), {"limits": {"unknown": [0.0, 1.0]}}),
            (("deployment", "safety"), {"limits": {"quota": [1.0, 0.0]}}),
            (("deployment", "safety"), {"slew": {"age": 2.0}}),
            (("deployment", "safety"), {"slew": {"quota": 0.0}}),
            (("deployment", "safety"), {"dead_band": -1.0}),
            (("deployment", "safety"), {"breaker": {"patience_steps": 0}}),
            (("deployment", "safety"), {"breaker": "off"}),
            (("deployment", "safety"), {"_target_": "os.system"}),
        ),
    )
    _put(content, place, value)
    return as_either(rng, with_manifest(members, content), path)


def wrong_policies(rng: Rng, members: Members, path: Path) -> Path:
    """Describe another policy than the arrays are of, or a controller that is none."""
    content = manifest_of(members)
    network = {"kind": "network", "activations": ["tanh", "tanh"], "output": "clip",
               "choices": [], "normaliser_limit": 10.0}  # fmt: skip
    content["policy"] = one_of(
        rng,
        (
            {**network, "output": "softmax"},
            {**network, "output": "choice"},
            {**network, "activations": ["tanh", "gelu"]},
            {**network, "activations": []},
            {**network, "activations": ["tanh"] * int(rng.integers(3, 10_000))},
            {**network, "choices": [2]},
            {**network, "choices": [10**9, -(10**9), 2]},
            {**network, "normaliser_limit": None},
            {**network, "normaliser_limit": 0.0},
            {"kind": "tree", "observation_size": 2},
            {"kind": "tree", "observation_size": 2**62},
            {"kind": "controller", "name": "os.system", "parameters": {}},
            {"kind": "controller", "name": "../evil.yaml", "parameters": {}},
            {"kind": "controller", "name": "ppo", "parameters": {}},
            {"kind": "controller", "name": "pi", "parameters": {"_target_": "os.system"}},
            {"kind": "controller", "name": "pi", "parameters": {"free_target_percent": "much"}},
        ),
    )
    return as_either(rng, with_manifest(members, content), path)


def wrong_hashes(rng: Rng, members: Members, path: Path) -> Path:
    """Give another hash, or change the content and leave the hash as it was."""
    content = manifest_of(members)
    key = one_of(rng, ("content_sha256", "weights_sha256", "algorithm"))
    content[key] = one_of(rng, (rng.bytes(32).hex(), "", "0" * 64))
    text = json.dumps(content, indent=1) + "\n"
    return as_either(rng, {**members, MANIFEST: text.encode()}, path)


def deep_json(rng: Rng, members: Members, path: Path) -> Path:
    """Nest far deeper than a manifest does, by hundreds or by hundreds of thousands."""
    depth = one_of(rng, (30, 500, 900, 5_000, 200_000))
    opening, closing = one_of(rng, (("[", "]"), ('{"a":', "}")))
    text = opening * depth + "1" + closing * depth
    if rng.random() < 0.5:
        text = members[MANIFEST].decode().replace('"seed": 1', f'"seed": {text}')
    return as_either(rng, {**members, MANIFEST: text.encode()}, path)


def wide_json(rng: Rng, members: Members, path: Path) -> Path:
    """Fill a manifest with what takes most memory for its length, or make it too long."""
    count = int(10 ** rng.uniform(3.0, 5.5))
    text = one_of(rng, ("[],", "{},", '"",', "1e9,", f'"{"x" * 20}":[],')) * count
    text = f"{{{text}}}" if ":" in text else f'{{"format": [{text[:-1]}]}}'
    return as_either(rng, {**members, MANIFEST: text.encode()}, path)


def no_json(rng: Rng, members: Members, path: Path) -> Path:
    """Write text that is no manifest, or says the same in other bytes."""
    text = members[MANIFEST].decode()
    raw = one_of(
        rng,
        (
            b"",
            b"null",
            b'"manifest"',
            b"[1, 2]",
            rng.bytes(100),
            text.encode("utf-16"),
            b"\xef\xbb\xbf" + text.encode(),
            text.replace('"seed": 1', '"seed": NaN').encode(),
            text.replace('"seed": 1', '"seed": Infinity').encode(),
            text.replace('"seed": 1', f'"seed": {"9" * 5_000}').encode(),
            text.replace('"seed": 1', '"seed": 1, "seed": 1').encode(),
            text.replace('"seed": 1', '"seed": 1.0e0').encode(),
            text.replace('"seed": 1', '"seed": "\\ud800"').encode(),
            text.replace("\n", "\r\n").encode(),
            text.replace('"version": 2', '"version": 1').encode(),
            json.dumps(json.loads(text)).encode(),
        ),
    )
    return as_either(rng, {**members, MANIFEST: raw}, path)


def wrong_signatures(rng: Rng, members: Members, path: Path) -> Path:
    """Add a signature that cannot be read, or of another bundle."""
    sound = {
        "algorithm": "ed25519",
        "content_sha256": manifest_of(members)["content_sha256"],
        "signature": "0" * 128,
    }
    change = one_of(
        rng,
        ({"algorithm": "none"}, {"content_sha256": "0" * 64}, {"signature": "0" * 126},
         {"signature": None}, {"signature": "z" * 128}, {"key": "mine"}),
    )  # fmt: skip
    raw = one_of(rng, (msgspec.json.encode({**sound, **change}), b"", b"[" * 3_000, rng.bytes(99)))
    if rng.random() < 0.2:
        return as_folder({**members, SIGNATURE: b" " * 5_000}, path)
    return as_either(rng, {**members, SIGNATURE: raw}, path)


def _places(content: Any, at: Place = ()) -> list[Place]:
    """List where something stands, but for what may be anything, and the hash over all."""
    found = [at] if at and at != ("content_sha256",) else []
    if at and at[-1] in FREE:
        return found
    items: list[tuple[str | int, Any]] = []
    if isinstance(content, dict):
        items = list(content.items())
    elif isinstance(content, list):
        items = list(enumerate(content))
    for key, value in items:
        found += _places(value, (*at, key))
    return found


def _value(content: Any, place: Place) -> Any:
    for key in place:
        content = content[key]
    return content


def _put(content: Any, place: Place, value: Any) -> None:
    _value(content, place[:-1])[place[-1]] = value


def _is_a(value: object, kind: type | tuple[type, ...]) -> bool:
    """Tell whether a value is of a type as JSON sees it: true is no number."""
    return isinstance(value, kind) and (isinstance(value, bool) == (kind is bool))


FORGED_MANIFESTS: tuple[Attack, ...] = (
    wrong_types,
    wrong_keys,
    wrong_numbers,
    wrong_values,
    wrong_policies,
    wrong_hashes,
    deep_json,
    wide_json,
    no_json,
    wrong_signatures,
)
