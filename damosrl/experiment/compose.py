"""Settings from ``key=value`` words: Hydra's compose API, with errors that name the nearest key.

On top of Hydra's grammar, a group also takes the path of a YAML (``machine=my.yaml``), a list is
lengthened by ``key+=[...]``, and ``experiment=NAME`` puts the section of conf/experiment/NAME.yaml
that carries the command's name before everything that is given by hand. A task's ``usual`` choices
come before both.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from damosrl.config import choice_file, choices, load_choice, load_yaml
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.paths import conf_dir

GROUPS = ("machine", "task", "workload", "budget", "agent", "reward", "safety")
EXPERIMENT = "experiment"
TASK = "task"
TEXT_KEYS = ("out", "resume", "tuner", "candidate")
LIST_KEYS = ("tuners", "workloads", "worst_case")

_WORD = re.compile(r"^(?P<prefix>\+\+|\+|~)?(?P<key>[A-Za-z_][\w.]*)(?P<extend>\+)?=(?P<value>.*)$",
                   re.DOTALL)  # fmt: skip
_BEFORE_QUOTE = re.compile(r"(\\*)('|$)")
_FILE_ENDINGS = (".yaml", ".yml")
_FILE_CHOICE = "file_"


@dataclass(frozen=True, slots=True)
class Word:
    """One ``key=value`` of the command line.

    Args:
        key: Dotted path of the setting.
        value: Text after the equals sign, in Hydra's grammar.
        kind: ``set`` changes an existing key, ``add`` may add one, ``extend`` lengthens a list.
    """

    key: str
    value: str
    kind: Literal["set", "add", "extend"] = "set"

    @property
    def root(self) -> str:
        """First part of the key."""
        return self.key.split(".", maxsplit=1)[0]

    @property
    def text(self) -> str:
        """The word in Hydra's grammar."""
        if self.key in TEXT_KEYS:
            return f"{self.key}={_quoted(_plain(self.value))}"
        adds = self.kind == "add" or self.inside_group
        return f"{'++' if adds else ''}{self.key}={self.value}"

    @property
    def inside_group(self) -> bool:
        """Whether it reaches into a group, whose keys are checked by what is built from it."""
        return self.root in GROUPS and self.root != self.key


def compose(command: str, words: Sequence[str]) -> dict[str, Any]:
    """Compose the settings of a command.

    Args:
        command: Name of a file at the root of the configuration tree, such as ``compare``.
        words: ``key=value`` words, as the user gave them.

    Returns:
        Plain data: every key of the command's file, groups replaced by their content.

    Raises:
        UnknownNameError: A key or choice does not exist; the nearest is named.
        ConfigError: A word cannot be read, or a file cannot be loaded.

    Example:
        >>> compose("compare", ["steps=20", "machine=dram_zram"])["machine"]["name"]
        'dram_zram'
    """
    groups, keys = _file_keys(command)
    parsed = _with_experiment(command, [_parse(word) for word in words])
    parsed = _with_usual(command, parsed, groups | keys)
    parsed = [_with_path(word) for word in parsed]
    for word in parsed:
        if word.root not in groups | keys:
            raise UnknownNameError(f"key of {command}", word.root, groups | keys | {EXPERIMENT})
    _check_choices(groups, parsed)
    try:
        with initialize_config_dir(config_dir=str(conf_dir()), version_base="1.3"):
            settings = _hydra_settings(command, parsed, groups)
            for word in parsed:
                if word.kind == "extend":
                    _check_keys(command, settings, [word])
                    _extend(settings, word)
        content = OmegaConf.to_container(settings, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(
            "the settings cannot be composed",
            got=_first_lines(error),
            fix=f"see `damosrl {command} --help`; quote values with spaces or brackets",
        ) from error
    if not isinstance(content, dict):
        raise ConfigError("the settings are no mapping", got=type(content).__name__)
    plain = {str(key): value for key, value in content.items()}
    _name_workload(command, plain, parsed)
    return plain


def _name_workload(command: str, settings: dict[str, Any], words: Iterable[Word]) -> None:
    """Give a workload that carries no name the one it was chosen by."""
    if isinstance(settings.get("workload"), dict):
        defaults = load_yaml(conf_dir() / f"{command}.yaml")["defaults"]
        chosen = {key: name for item in defaults if isinstance(item, Mapping)
                  for key, name in item.items()}  # fmt: skip
        chosen |= {word.key: _plain(word.value) for word in words}
        settings["workload"].setdefault("name", chosen["workload"])


def _hydra_settings(command: str, words: list[Word], groups: set[str]) -> DictConfig:
    """Compose; where Hydra refuses a key, say which one is nearest."""
    try:
        return hydra_compose(
            command, [_as_list(word).text for word in words if word.kind != "extend"]
        )
    except HydraException:
        chosen = [word.text for word in words if word.key in groups]
        checked = [word for word in words if word.root not in groups]
        _check_keys(command, hydra_compose(command, chosen), checked)
        raise


def _parse(word: str) -> Word:
    match = _WORD.match(word)
    if match is None or match["prefix"] == "~":
        raise ConfigError(
            "a setting cannot be read",
            got=repr(word),
            allowed="key=value, key+=[...] or +key=value",
            fix="write for example steps=300",
        )
    if match["extend"]:
        return Word(match["key"], match["value"], "extend")
    return Word(match["key"], match["value"], "add" if match["prefix"] else "set")


def _with_experiment(command: str, words: list[Word]) -> list[Word]:
    """Put the words of chosen experiments first, so that words given by hand win."""
    given = []
    for word in words:
        if word.key == EXPERIMENT:
            name = _plain(word.value)
            content = (
                load_yaml(Path(name))
                if name.endswith(_FILE_ENDINGS)
                else load_choice(EXPERIMENT, name)
            )
            section = content.get(command)
            if not isinstance(section, Mapping):
                raise ConfigError(
                    f"experiment {name} says nothing about `damosrl {command}`",
                    got=", ".join(map(str, content)) or "an empty file",
                    allowed=f"a section {command}:",
                )
            given.extend(_words_of(section))
    return given + [word for word in words if word.key != EXPERIMENT]


def _with_usual(command: str, words: list[Word], known: set[str]) -> list[Word]:
    """Put first what the chosen task usually goes with, as far as the command has such keys.

    A task's YAML says it under ``usual``; a section of a command's name is for that command alone.
    """
    chosen = [_plain(word.value) for word in words if word.key == TASK]
    if not chosen:
        return words
    name = chosen[-1]
    if name.endswith(_FILE_ENDINGS):
        usual = load_yaml(Path(name)).get("usual", {})
    elif name in choices(TASK):
        usual = load_choice(TASK, name).get("usual", {})
    else:
        return words  # refused later, with the nearest name
    usual = {**usual, **usual.get(command, {})}
    given = [word for word in _words_of(usual) if word.root in known]
    return given + words


def _words_of(section: Mapping[Any, Any], prefix: str = "") -> list[Word]:
    words: list[Word] = []
    for key, value in section.items():
        if isinstance(value, Mapping):
            words.extend(_words_of(value, f"{prefix}{key}."))
        else:
            words.append(_word_of(f"{prefix}{key}", value))
    return words


def _word_of(key: str, value: Any) -> Word:
    """Write one value as a word; YAML reads a group's choice ``off`` as false."""
    return Word(key, _grammar("off" if value is False and key in GROUPS else value))


def _grammar(value: Any) -> str:
    """Write a plain value in Hydra's grammar."""
    if value is None:
        return "null"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(_grammar(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{_grammar(item)}' for key, item in value.items())}}}"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """Quote a text in Hydra's grammar: only backslashes before a quote (or the end) are doubled."""
    return f"'{_BEFORE_QUOTE.sub(_doubled, text)}'"


def _doubled(match: re.Match[str]) -> str:
    return match[1] * 2 + ("\\'" if match[2] else "")


def _with_path(word: Word) -> Word:
    """Register what lies outside our tree as a choice, and choose it: a path, a foreign name."""
    value = _plain(word.value)
    node = _node_of(word.key, value) if word.key in GROUPS else None
    if node is None:
        return word
    name = f"{_FILE_CHOICE}{re.sub(r'[^A-Za-z0-9]', '_', value)}"
    ConfigStore.instance().store(name=name, node=node, group=word.key)
    return Word(word.key, name)


def _node_of(group: str, value: str) -> dict[str, Any] | None:
    """Return what Hydra does not find by itself; None for a choice of our own tree."""
    if value.endswith(_FILE_ENDINGS):
        return _named(group, Path(value))
    if value in choices(group):
        file = choice_file(group, value)
        return None if file.is_relative_to(conf_dir()) else _named(group, file)
    if group == "workload" and ("/" in value or "." in value):
        name = Path(value).name.split(".", maxsplit=1)[0]
        return {"name": name, "access": {"kind": "recording", "recording": value}}
    return None


def _named(group: str, path: Path) -> dict[str, Any]:
    """Return a file's content with its name; an agent is built from all keys and has none."""
    content = load_yaml(path)
    return content if group == "agent" else {"name": path.stem, **content}


def _file_keys(command: str) -> tuple[set[str], set[str]]:
    """Return the groups of a command's file, and its other keys."""
    content = load_yaml(conf_dir() / f"{command}.yaml")
    defaults = content.pop("defaults", [])
    return {key for item in defaults if isinstance(item, Mapping) for key in item}, set(content)


def _check_choices(groups: Iterable[str], words: Iterable[Word]) -> None:
    for word in words:
        name = _plain(word.value)
        if (
            word.key in groups
            and name not in choices(word.key)
            and not name.startswith(_FILE_CHOICE)
        ):
            raise UnknownNameError(word.key, name, choices(word.key))


def _check_keys(command: str, settings: DictConfig, words: Iterable[Word]) -> None:
    for word in words:
        node: Any = settings
        where = command
        for part in word.key.split("."):
            if not isinstance(node, DictConfig):
                raise ConfigError(f"{where} has no parts", got=word.key, fix=f"set {where} itself")
            if part not in node:
                known = [str(key) for key in node]
                raise UnknownNameError(f"key of {where}", part, known)
            node = node._get_node(part)  # noqa: SLF001  plain access would resolve and convert
            where = f"{where}.{part}" if where != command else part


def _as_list(word: Word) -> Word:
    """Let ``tuners=pi`` mean a list of one."""
    value = word.value.strip()
    if value == "null":
        return word
    if word.key in LIST_KEYS and value and value[0] not in "[{$" and "," not in value:
        return Word(word.key, f"[{word.value}]", word.kind)
    return word


def _extend(settings: DictConfig, word: Word) -> None:
    override = OverridesParser.create().parse_override(_as_list(word).text)
    value = override.value()
    known = OmegaConf.select(settings, word.key)
    if not isinstance(value, list) or not OmegaConf.is_list(known):
        raise ConfigError(
            f"{word.key} cannot be lengthened",
            got=word.value,
            allowed="key+=[...] for a key that holds a list",
            fix=f"write {word.key}={word.value}",
        )
    OmegaConf.update(settings, word.key, [*known, *value], merge=False)


def _plain(value: str) -> str:
    text = value.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def _first_lines(error: Exception) -> str:
    return " ".join(line.strip() for line in str(error).splitlines()[:2])
