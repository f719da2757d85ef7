"""One page with one picture per task: what happens over time, at a glance."""
