"""The names of a bundle's parts, and how large each may be.

The limits hold before anything is allocated: a bundle is data from elsewhere. They are far above
what tuners need (two layers of 64 take 40 kB).
"""

FORMAT = "damosrl-policy"
VERSION = 2
SUFFIX = ".damosrl"
"""A path that ends so is one file; any other is a folder."""

MANIFEST = "manifest.json"
WEIGHTS = "weights.npz"
SIGNATURE = "signature.json"

MAX_MANIFEST_BYTES = 2**20
MAX_WEIGHTS_BYTES = 64 * 2**20
MAX_SIGNATURE_BYTES = 4096
MAX_BYTES = {
    MANIFEST: MAX_MANIFEST_BYTES,
    WEIGHTS: MAX_WEIGHTS_BYTES,
    SIGNATURE: MAX_SIGNATURE_BYTES,
}
MAX_FILE_BYTES = sum(MAX_BYTES.values()) + 4096
"""Of the one-file form; what is left over holds the archive's own headers."""

MAX_NESTING = 24
"""Of the manifest."""
MAX_LAYERS = 64
MAX_ARRAYS = 2 * MAX_LAYERS + 2
MAX_MAGNITUDE = 1e30
"""Of a quantity's range: beyond it arithmetic on ranges overflows."""
MAX_INTERVAL_S = 86_400.0
