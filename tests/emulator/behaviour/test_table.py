"""Where each row of the kernel's own tests (semantics 7) is tested on the emulator.

Rows that concern the real sysfs tree belong to the kernel back end and are not tested here:
``sysfs.sh`` (tree, permissions, accepted and refused writes), ``sysfs_refresh`` (files that change
by themselves), ``hang``, ``removed_scheme_dir``, ``memcg_path_leak``, and the files ``enabled`` and
``kdamond_pid`` of ``reclaim.sh`` and ``lru_sort.sh``, whose kdamonds are run here.

``ops_registration`` has its half about unknown names; there is no registration at run time that
could be repeated.
"""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
MONITOR = "emulator/behaviour/test_kunit_monitor.py"
SCHEMES = "emulator/behaviour/test_kunit_schemes.py"
SELFTESTS = "emulator/behaviour/test_selftests.py"
COMMIT = "emulator/test_engine_commit.py"
VIRTUAL = "emulator/virtual/test_three_regions.py"
IN_FORCE = (SCHEMES, "test_parameters_in_force_are_those_committed")

ROWS: dict[str, tuple[tuple[str, str], ...]] = {
    "regions, target": (
        (MONITOR, "test_targets_keep_the_order_of_their_regions"),
        (COMMIT, "test_targets_come_and_go"),
    ),
    "aggregate": ((MONITOR, "test_aggregation_resets_counts"),),
    "split_at": ((MONITOR, "test_split_keeps_what_is_known"),),
    "merge_two": ((MONITOR, "test_merge_two_regions"),),
    "merge_regions_of": ((MONITOR, "test_merge_of_nine_regions"),),
    "split_regions_of": (
        (MONITOR, "test_split_makes_few_parts"),
        (MONITOR, "test_split_keeps_the_least_size"),
    ),
    "split_above_half_progresses": ((MONITOR, "test_split_above_half_progresses"),),
    "ops_registration": ((MONITOR, "test_unknown_operations_are_refused"),),
    "set_regions": (
        (MONITOR, "test_set_regions_by_commit"),
        ("emulator/test_engine_loading.py", "test_set_regions"),
    ),
    "update_monitoring_result": ((MONITOR, "test_monitoring_results_follow_the_attributes"),),
    "set_attrs": (
        (MONITOR, "test_set_attrs_refuses"),
        ("damon/test_vocabulary.py", "test_what_the_kernel_refuses_is_refused"),
    ),
    "mvsum, nr_accesses_mvsum": (
        (MONITOR, "test_moving_sum"),
        ("emulator/test_conformance.py", "test_table_equals_the_kernel"),
    ),
    "new_filter": ((SCHEMES, "test_filter_is_installed_as_made"),),
    "commit_*": (
        IN_FORCE,
        (COMMIT, "test_parameters_change_and_state_stays"),
        (COMMIT, "test_schemes_are_appended_and_dropped"),
        (COMMIT, "test_goals_are_replaced_by_index"),
        (COMMIT, "test_filters_are_replaced_by_index"),
    ),
    "goal target 0 refused": (
        ("damon/test_vocabulary.py", "test_what_the_kernel_refuses_is_refused"),
    ),
    "commit_target_regions": (
        (SCHEMES, "test_commit_without_ranges_keeps_regions"),
        (COMMIT, "test_regions_are_fitted_to_new_ranges"),
    ),
    "commit_ctx": (
        (SCHEMES, "test_commit_copies_pause_and_checks_units"),
        (COMMIT, "test_pause_stops_sampling_until_a_commit_ends_it"),
    ),
    "filter_out": ((SCHEMES, "test_address_filter"),),
    "feed_loop_next_input": ((SCHEMES, "test_feedback_loop"),),
    "set_filters_default_reject": ((SCHEMES, "test_default_of_filters"),),
    "apply_min_nr_regions": ((MONITOR, "test_apply_min_nr_regions"),),
    "is_last_region": ((MONITOR, "test_last_region_of_each_target"),),
    "walk_control_obsolete": ((SCHEMES, "test_walk_on_a_finished_kdamond"),),
    "rand": (("emulator/test_engine_rng.py", "test_rand_is_in_range"),),
    "three_regions": ((VIRTUAL, "test_the_kernels_unit_test"),),
    "apply_three_regions": ((VIRTUAL, "test_regions_are_fitted_to_three_areas"),),
    "add_targets": ((MONITOR, "test_targets_keep_the_order_of_their_regions"),),
    "sysfs.py, no_op_commit_break": (IN_FORCE,),
    "damos_quota": ((SELFTESTS, "test_damos_quota"),),
    "damos_quota_goal": ((SELFTESTS, "test_damos_quota_goal"),),
    "damos_apply_interval": (
        ("emulator/test_engine_rules.py", "test_apply_interval_shorter_than_aggregation"),
    ),
    "damos_tried_regions": (
        (SELFTESTS, "test_damos_tried_regions"),
        ("emulator/test_engine_tried.py", "test_pieces_are_those_of_the_trace"),
    ),
    "damon_nr_regions": (
        (SELFTESTS, "test_nr_regions_stay_in_bounds"),
        (SELFTESTS, "test_nr_regions_follow_an_online_change"),
    ),
    "update_schemes_tried_regions_wss_estimation": (
        (SELFTESTS, "test_working_set_size_estimation"),
    ),
    "reclaim.sh": ((SELFTESTS, "test_reclaim_module_runs"),),
    "lru_sort.sh": ((SELFTESTS, "test_lru_sort_module_runs"),),
}


@pytest.mark.parametrize("row", ROWS)
def test_row_has_its_tests(row: str) -> None:
    """The tests that a row is said to have exist under these names."""
    for file, name in ROWS[row]:
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
