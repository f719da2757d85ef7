"""The cpio writer, read back by the header's own rules."""

import stat

from damosrl.vm import cpio


def _read(data: bytes) -> list[tuple[str, int, bytes, tuple[int, int]]]:
    found: list[tuple[str, int, bytes, tuple[int, int]]] = []
    place = 0
    while True:
        assert data[place : place + 6] == b"070701"
        fields = [int(data[place + 6 + 8 * i : place + 14 + 8 * i], 16) for i in range(13)]
        name_at = place + 110
        name = data[name_at : name_at + fields[11] - 1].decode()
        data_at = (name_at + fields[11] + 3) // 4 * 4
        if name == "TRAILER!!!":
            assert data_at == len(data)
            return found
        content = data[data_at : data_at + fields[6]]
        found.append((name, fields[1], content, (fields[9], fields[10])))
        place = (data_at + fields[6] + 3) // 4 * 4


def test_what_is_written_is_read_back() -> None:
    """Names and contents of every length up to a word's border survive."""
    files = [cpio.file("n" * n, b"x" * n, executable=n % 2 == 0) for n in range(1, 9)]
    back = _read(cpio.archive(files))
    assert [(name, data) for name, _, data, _ in back] == [(e.name, e.data) for e in files]
    assert [mode & 0o111 for _, mode, _, _ in back] == [0, 0o111] * 4


def test_folders_and_the_console_keep_their_kind() -> None:
    """A folder is a folder, and the console is character device 5:1."""
    (_, folder, _, _), (_, console, _, numbers) = _read(
        cpio.archive([cpio.folder("dev"), cpio.console()])
    )
    assert stat.S_ISDIR(folder)
    assert stat.S_ISCHR(console)
    assert numbers == (5, 1)
