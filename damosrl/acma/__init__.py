"""Access/contiguity-aware memory auto-scaling: guests whose memory is counted by kinds of blocks.

No kernel has ACMA. What is modelled after the talk and the RFC, and what is judgement, is told
apart in docs/acma.md.
"""
