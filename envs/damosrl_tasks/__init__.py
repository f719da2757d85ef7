"""Tasks: what is observed, turned and rewarded; NumPy only, so that a daemon can use them."""
