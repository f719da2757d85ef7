"""Proactive reclaim: cold memory paged out, as much as a bounded slowdown allows."""
