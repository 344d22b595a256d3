"""The only SQL: one file per aggregate; `engine.py` holds the only differences between the databases."""
