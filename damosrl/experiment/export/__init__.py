"""`damosrl export`: a policy leaves the laboratory, and says what it loses by it."""
