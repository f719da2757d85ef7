"""The goal of memory auto-scaling on a host with guests."""
