"""`damosrl export`: a policy leaves the laboratory, in a form that has been held to it."""
