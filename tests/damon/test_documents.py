"""Documents: read as people and tools write them; what is wrong is named with its place."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from damosrl import damon
from damosrl.damon.documents import read_document, to_mapping, to_yaml
from damosrl.errors import DocumentError, UnknownNameError

TIERING: dict[str, Any] = {
    "kdamonds": [
        {
            "refresh_ms": 1000,
            "contexts": [
                {
                    "ops": "paddr",
                    "addr_unit": 1,
                    "pause": False,
                    "targets": [{"pid": None, "regions": [{"start": "4G", "end": "8G"}]}],
                    "intervals": {
                        "sample_us": "5 ms",
                        "aggr_us": "100 ms",
                        "ops_update_us": "60 s",
                        "intervals_goal": {
                            "access_bp": "4 %",
                            "aggrs": 3,
                            "min_sample_us": "5 ms",
                            "max_sample_us": "10 s",
                        },
                    },
                    "nr_regions": {"min": 10, "max": "1,000"},
                    "probes": [{"filters": [{"filter_type": "anon", "allow": "Y"}], "weight": 0}],
                    "schemes": [
                        {
                            "action": "migrate_hot",
                            "target_nid": 0,
                            "apply_interval_us": "1 s",
                            "access_pattern": {
                                "sz_bytes": {"min": "4 KiB", "max": "max"},
                                "nr_accesses": {"min": "5 %", "max": "max"},
                                "age": {"min": "2 s", "max": "4294967295 aggr_intervals"},
                            },
                            "quotas": {
                                "sz_bytes": "200 MiB",
                                "reset_interval_ms": "1 s",
                                "goals": [
                                    {
                                        "metric": "node_mem_used_bp",
                                        "nid": 0,
                                        "target_value": "99.7 %",
                                    },
                                    {"metric": "some_mem_psi_us", "target_value": "10 ms"},
                                ],
                                "goal_tuner": "temporal\n",
                                "fail_charge_num": 1,
                                "fail_charge_denom": 1024,
                                "weights": {"nr_accesses_permil": "10 %", "age_permil": 100},
                            },
                            "filters": [
                                {
                                    "filter_type": "addr",
                                    "matching": True,
                                    "allow": False,
                                    "address_range": {"start": "5G", "end": "5.5G"},
                                },
                                {"filter_type": "young", "matching": "y", "allow": "n"},
                                {"filter_type": "memcg", "allow": True, "memcg_path": "/wl"},
                                {"filter_type": "hugepage_size", "hugepage_size": ["2M", "max"]},
                            ],
                        }
                    ],
                }
            ],
        }
    ]
}


def _context(document: damon.Document) -> damon.Context:
    return document.kdamonds[0].contexts[0]


def _changed(path: list[str | int], value: object) -> dict[str, Any]:
    """Return a copy of the document with one value replaced or added."""
    document = copy.deepcopy(TIERING)
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


CONTEXT: list[str | int] = ["kdamonds", 0, "contexts", 0]
SCHEME: list[str | int] = [*CONTEXT, "schemes", 0]


def test_units_of_a_tiering_document_are_understood() -> None:
    """Every field of a document full of units becomes the kernel's number."""
    context = _context(read_document(TIERING))
    scheme = context.schemes[0]
    assert context.targets[0].regions == (damon.AddressRange(4 << 30, 8 << 30),)
    assert context.attrs.intervals.goal == damon.IntervalsGoal(400, 3, 5_000, 10_000_000)
    assert context.attrs.max_nr_regions == 1000
    assert context.probes[0].filters[0].allow
    assert scheme.access_pattern == damon.AccessPattern(
        damon.Range(4096, damon.U64_MAX),
        damon.Range(1, damon.U32_MAX),
        damon.Range(20, damon.U32_MAX),
    )
    assert scheme.quota == damon.Quota(
        sz_bytes=209715200,
        reset_interval_ms=1000,
        weights=damon.Weights(0, 100, 100),
        goals=(
            damon.QuotaGoal(damon.GoalMetric.NODE_MEM_USED_BP, 9970),
            damon.QuotaGoal(damon.GoalMetric.SOME_MEM_PSI_US, 10_000),
        ),
        goal_tuner=damon.GoalTuner.TEMPORAL,
        fail_charge_num=1,
        fail_charge_denom=1024,
    )
    assert [item.layer.value for item in scheme.filters] == ["core", "ops", "ops", "ops"]
    assert scheme.filters[0].address_range == damon.AddressRange(5 << 30, 11 << 29)
    assert scheme.filters[3].hugepage_size == damon.Range(2 << 20, damon.U64_MAX)


def test_a_document_can_come_as_text_or_file(tmp_path: Path) -> None:
    """JSON text, YAML text and files of both mean the same."""
    wanted = read_document(TIERING)
    yaml_text = to_yaml(wanted)
    file = tmp_path / "kdamonds.yaml"
    file.write_text(yaml_text, encoding="utf-8")
    assert read_document(json.dumps(TIERING)) == wanted
    assert read_document(yaml_text) == wanted
    assert read_document(file) == read_document(str(file)) == wanted


def test_what_a_short_document_leaves_out_has_the_usual_defaults() -> None:
    """A context with a bare scheme monitors all and matches all."""
    context = _context(
        read_document({"kdamonds": [{"contexts": [{"ops": "paddr", "schemes": [{}]}]}]})
    )
    assert context.schemes == (damon.Scheme(),)
    assert context.attrs.intervals == damon.Intervals(ops_update_us=1_000_000)
    assert context.attrs.samples_per_aggregation == 20


def test_state_and_neutral_keys_of_other_tools_are_let_pass() -> None:
    """What another tool reports, or writes for features that are off, changes nothing."""
    document = copy.deepcopy(TIERING)
    kdamond = document["kdamonds"][0]
    context = kdamond["contexts"][0]
    scheme = context["schemes"][0]
    kdamond.update(state="on", pid=42)
    context["sample_control"] = {
        "primitives_enabled": {"page_table": True, "page_fault": False},
        "sample_filters": [],
    }
    context["probes"][0]["preps"] = []
    scheme["stats"] = {"nr_tried": "1,000", "max_nr_snapshots": "7"}
    scheme["quotas"]["effective_sz_bytes"] = "0 B"
    scheme["quotas"]["goals"][0].update(complement=False, memcg_path=None)
    scheme["filters"][1].update(memcg_path="", address_range=None, probe_hits_wsum_range=None)
    found, wanted = _context(read_document(document)), _context(read_document(TIERING))
    assert found.schemes[0].max_nr_snapshots == 7
    assert found.schemes[0].quota == wanted.schemes[0].quota
    assert found.schemes[0].filters == wanted.schemes[0].filters


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["kdamond"], [], r"key in the document: got 'kdamond'.*did you mean 'kdamonds'"),
        ([*CONTEXT, "shemes"], [], r"key in kdamonds\[0\].contexts\[0\].*'schemes'"),
        ([*SCHEME, "quotas", "sz_byte"], 1, r"schemes\[0\].quotas.*'sz_bytes'"),
        ([*SCHEME, "action"], "migrate_warm", r"schemes\[0\].action.*did you mean"),
        ([*CONTEXT, "ops"], "padr", "did you mean 'paddr'"),
        ([*SCHEME, "quotas", "goals", 0, "metric"], "node_mem_used", "'node_mem_used_bp'"),
    ],
)
def test_unknown_keys_and_words_get_the_nearest_name(
    path: list[str | int], value: object, message: str
) -> None:
    """A misspelt key or word is refused, with its place and the nearest known name."""
    with pytest.raises(UnknownNameError, match=message):
        read_document(_changed(path, value))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["kdamonds"], None, "no kdamonds"),
        (["kdamonds"], {"contexts": []}, "kdamonds is no list"),
        (["kdamonds", 0], [], r"kdamonds\[0\] is no mapping"),
        ([*CONTEXT, "ops"], None, "has no ops"),
        ([*CONTEXT, "pause"], "perhaps", "neither true nor false"),
        ([*CONTEXT, "nr_regions", "min"], 2, r"contexts\[0\]: nr_regions.min is out of range"),
        ([*CONTEXT, "nr_regions", "max"], 5, "nr_regions.min is above"),
        ([*CONTEXT, "intervals", "aggr_us"], "4 ms", "sampling takes longer"),
        ([*CONTEXT, "intervals", "sample_us"], "4 ms", "outside the bounds of intervals_goal"),
        ([*CONTEXT, "intervals", "sample_us"], "five", r"intervals.sample_us: no time"),
        ([*CONTEXT, "targets", 0, "regions", 0, "end"], "1G", r"regions\[0\]: the address range"),
        ([*CONTEXT, "targets", 0, "regions", 0], {"start": 0}, r"regions\[0\] has no end"),
        ([*CONTEXT, "addr_unit"], 3, "power of two"),
        ([*SCHEME, "access_pattern", "age", "max"], "1 s", r"pattern.age: the range matches noth"),
        (
            [*SCHEME, "access_pattern", "nr_accesses", "max"],
            "18446744073709551616 samples",
            "too large",
        ),
        ([*SCHEME, "quotas", "goals", 0, "target_value"], 0, "target_value is out of range"),
        ([*SCHEME, "quotas", "goals", 0, "complement"], True, "not in kernel 7.3"),
        ([*SCHEME, "filters", 3, "hugepage_size"], [1], "no pair"),
        ([*SCHEME, "filters", 3, "hugepage_size"], ["2M", "1M"], "the range matches nothing"),
        ([*SCHEME, "filters", 1, "memcg_path"], "/a", "young does not take memcg_path"),
        ([*SCHEME, "filters", 2, "memcg_path"], None, "memcg needs memcg_path"),
    ],
)
def test_what_the_kernel_would_refuse_is_named_with_its_place(
    path: list[str | int], value: object, message: str
) -> None:
    """Every broken rule is one line that says where, what and what is allowed."""
    with pytest.raises(DocumentError, match=message) as caught:
        read_document(_changed(path, value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ['{"kdamonds": [', "kdamonds: [\n  {", "- 1\n- 2\n", "\n"])
def test_broken_text_is_a_user_error(text: str) -> None:
    """Text that is no JSON, no YAML or no mapping is refused in one line."""
    with pytest.raises(DocumentError) as caught:
        read_document(text)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_a_user_error(tmp_path: Path) -> None:
    """A path that cannot be read is named, together with the reason."""
    with pytest.raises(DocumentError, match=r"cannot read .*kdamonds\.json.*No such file"):
        read_document(tmp_path / "kdamonds.json")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(DocumentError, match="no UTF-8"):
        read_document(tmp_path / "binary")


def test_largest_times_are_written_as_whole_numbers() -> None:
    """Times above 2^53 us carry no unit, so that readers that use floats stay exact."""
    document = read_document(TIERING)
    context = to_mapping(document)["kdamonds"][0]["contexts"][0]
    assert context["intervals"]["sample_us"] == "5 ms"
    scheme = to_mapping(read_document(_changed([*SCHEME, "apply_interval_us"], 2**60 + 1)))
    written = scheme["kdamonds"][0]["contexts"][0]["schemes"][0]["apply_interval_us"]
    assert written == 2**60 + 1
