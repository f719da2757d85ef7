"""The user's own metric of memory latency: by file, command or socket; never waited for."""
