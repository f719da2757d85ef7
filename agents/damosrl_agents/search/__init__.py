"""Black-box searches over static configurations, by ask and tell."""
