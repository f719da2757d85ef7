"""Workloads: access-rate models, synthetic or from DAMON recordings."""
