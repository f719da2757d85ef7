"""What a kernel tells of the machine it runs on: pressure, memory nodes, counters, CPU time."""
