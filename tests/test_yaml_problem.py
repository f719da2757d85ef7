"""A broken YAML text is told by file, line and column, in one line."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from damosrl.config import load_yaml
from damosrl.damon.documents import read_document
from damosrl.errors import ConfigError, DocumentError
from damosrl.yaml_problem import yaml_problem

TAB = "machine: dram_cxl\n\tsteps: 3\n"


def test_a_broken_configuration_is_named_by_its_file(tmp_path: Path) -> None:
    """The message has path, line and column, and not PyYAML's name for a text."""
    path = tmp_path / "mine.yaml"
    path.write_text(TAB)
    with pytest.raises(ConfigError) as caught:
        load_yaml(path)
    assert str(path) in str(caught.value)
    assert "line 2, column 1: found character '\\t'" in str(caught.value)
    assert "unicode string" not in str(caught.value)


def test_a_broken_document_is_named_by_its_file(tmp_path: Path) -> None:
    """A kdamonds document tells the same of itself."""
    path = tmp_path / "document.yaml"
    path.write_text(TAB)
    with pytest.raises(DocumentError, match=r"document.yaml is neither .* line 2, column 1"):
        read_document(path)


def test_a_character_that_yaml_forbids_is_counted(tmp_path: Path) -> None:
    """A NUL in a file is told by its place."""
    path = tmp_path / "mine.yaml"
    path.write_text("a\0")
    with pytest.raises(ConfigError, match="character 2: special characters are not allowed"):
        load_yaml(path)


@given(st.text("ab:-[]{}'\"\t\n\0 &*!|>%@", max_size=30))
def test_every_problem_fits_one_line(text: str) -> None:
    """Whatever the text, the words hold no line break and no drawing of it."""
    try:
        yaml.safe_load(text)
    except yaml.YAMLError as error:
        words = yaml_problem(error)
        assert words
        assert "\n" not in words
        assert "unicode string" not in words
    except ValueError:
        pass  # a number or date that is none
