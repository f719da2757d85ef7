"""`damosrl daemon install`: a systemd unit and its configuration, shown first, written on demand.

`choices` holds what may differ between machines; `unit` and `defaults` render the files; `sealed`
tells files that were changed by hand; `plan` says what happens to each, and does it.
"""
