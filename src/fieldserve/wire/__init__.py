"""The API's words: its JSON as types, its requests, its errors, and the table of its operations.

Nothing here does I/O or reads a clock, so that server, client and sandbox can all say the same words.
"""
