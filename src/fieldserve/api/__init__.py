"""The HTTP edge: the 17 operations, tokens, usage plans and the operator API."""
