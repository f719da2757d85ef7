"""`damosrl record`: monitor a process, a group or physical memory, and keep what was seen."""
