"""A real guest of the VM lab as a host with one guest: the same task, knobs and workloads.

Layers, lowest first: `config` says which guest; `sizing` turns knobs into sizes within limits;
`devices` changes the size; `gauges` turns what guest and host tell into a reading; `world` lets
time pass.
"""
