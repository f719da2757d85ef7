"""One file per figure; each takes data and returns a matplotlib figure, or None."""
