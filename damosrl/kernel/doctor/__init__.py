"""What a machine can do for damosrl, what is missing, and who uses DAMON now; reads only."""
