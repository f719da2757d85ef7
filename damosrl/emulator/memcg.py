"""Numbers for memory control groups: a group is known by its path alone."""

import hashlib


def memcg_id(path: str) -> int:
    """Return the number of a control group, the same in every process: 0 for the root.

    Like the kernel, it compares whole paths; a group's children are other groups. A group that has
    no pages is as good as one that does not exist.

    Example:
        >>> memcg_id("/"), memcg_id("/app") == memcg_id("/app/"), memcg_id("/app") > 0
        (0, True, True)
    """
    name = path.rstrip("/")
    if not name:
        return 0
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1 or 1
