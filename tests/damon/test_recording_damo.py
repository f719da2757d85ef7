"""Our reader beside the parser of damo 3.4.3, where it is installed (test-only).

Its modules are imported, and its command line is never run: that one writes to the kernel even
for questions. DAMO_PYTHON names a Python that has damo, if this one has not.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from damosrl.damon.recording import Recording, read_recordings, write_recording
from damosrl.paths import recordings_dir
from damosrl.testing.fake_tracefs import aggregated_lines

PYTHON = os.environ.get("DAMO_PYTHON", sys.executable)
PARSE = """
import importlib.metadata, importlib.util, json, sys
spec = importlib.util.find_spec("damo")
if spec is None or importlib.metadata.version("damo") != "3.4.3":
    sys.exit(77)
sys.path[:0] = spec.submodule_search_locations
import _damo_records
records = []
for path in sys.argv[1:]:
    for record in _damo_records.parse_compressed_json(path):
        records.append([
            record.target_id,
            record.intervals.sample, record.intervals.aggr,
            [
                [shot.start_time, shot.end_time, [
                    [area.start, area.end, area.nr_accesses.samples, area.age.aggr_intervals]
                    for area in shot.regions
                ]]
                for shot in record.snapshots
            ],
        ])
json.dump(records, sys.stdout)
"""

pytestmark = pytest.mark.slow


def _by_damo(path: Path) -> list[object]:
    words = [PYTHON, "-c", PARSE, str(path)]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={"HOME": "/nonexistent"}
    )
    if done.returncode == 77:
        pytest.skip("damo 3.4.3 is not installed; DAMO_PYTHON may name a Python that has it")
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout)
    return found


def _ours(recordings: tuple[Recording, ...]) -> list[object]:
    return [
        [
            recording.target_id,
            recording.sample_us,
            recording.aggr_us,
            [
                [
                    shot.start_ns,
                    shot.end_ns,
                    [
                        list(area)
                        for area in zip(
                            *(
                                column.tolist()
                                for column in (shot.start, shot.end, shot.nr_accesses, shot.age)
                            ),
                            strict=True,
                        )
                    ],
                ]
                for shot in recording.snapshots
            ],
        ]
        for recording in recordings
    ]


@pytest.mark.parametrize(
    "path", sorted(recordings_dir().glob("*.damon.json.z")), ids=lambda path: path.name
)
def test_shared_recordings_read_as_damo_reads_them(path: Path) -> None:
    """Targets, intervals, times and regions are the same."""
    assert _ours(read_recordings(path)) == _by_damo(path)


def test_what_we_write_is_read_by_damo(tmp_path: Path) -> None:
    """A recording made from trace lines, with two targets, is the same for damo."""
    text, out = tmp_path / "trace.txt", tmp_path / "out.damon"
    text.write_bytes(
        b"".join(
            aggregated_lines(
                10**6 + 10**5 * place,
                [(4096, 8192, place % 21, place), (2**47 - 8192, 2**47 - 4096, 20, 0)],
                target,
            )
            for place in range(30)
            for target in (0, 1)
        )
    )
    recordings = read_recordings(text)
    write_recording(recordings, out)
    assert len(recordings) == 2
    assert _by_damo(out) == _ours(recordings)
