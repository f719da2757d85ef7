"""`damosrl bundle`: what a bundle says of itself, keys, signatures."""

import json
from pathlib import Path

import numpy as np
import pytest

from damosrl.artifact import load_artifact, save_artifact
from damosrl.cli import main
from damosrl.testing.sample_policies import SAMPLE_SPEC, sample_tree


@pytest.fixture(name="bundle")
def _bundle(tmp_path: Path) -> Path:
    tree = sample_tree(np.random.default_rng(0))
    long = {"command": "damosrl train", "config": {f"key {at}": at for at in range(99)}}
    path = tmp_path / "policy.damosrl"
    return save_artifact(path, tree, spec=SAMPLE_SPEC, algorithm="tree", provenance=long)


def test_a_bundle_is_told_in_short_lines_or_whole_as_json(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bundle is told in short lines or whole as json."""
    assert main(["bundle", "show", str(bundle)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 200
    assert any(line.startswith("provenance.command") for line in lines)
    assert main(["bundle", "show", str(bundle), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["content_sha256"] == load_artifact(bundle).content_sha256
    assert data["provenance.config"]["key 98"] == 98
    assert data["signed"] is False


def test_a_signed_bundle_passes_its_key_and_no_other(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A signed bundle passes its key and no other."""
    for name in ("mine", "other"):
        pair = [
            "--private",
            str(tmp_path / f"{name}.pem"),
            "--public",
            str(tmp_path / f"{name}.pub"),
        ]
        assert main(["bundle", "keys", *pair]) == 0
    assert main(["bundle", "sign", str(bundle), "--key", str(tmp_path / "mine.pem")]) == 0
    show = ["bundle", "show", str(bundle), "--public-key"]
    assert main([*show, str(tmp_path / "mine.pub")]) == 0
    assert main([*show, str(tmp_path / "other.pub")]) == 2
    assert "not of this key" in capsys.readouterr().err


def test_keys_are_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys are never written over."""
    words = ["bundle", "keys", "--private", str(tmp_path / "a"), "--public", str(tmp_path / "b")]
    assert main(words) == 0
    before = (tmp_path / "a").read_bytes()
    assert main(words) == 2
    assert (tmp_path / "a").read_bytes() == before
    assert capsys.readouterr().err.startswith("error:")
