"""fieldserve: an open Services API with real state behind it, and a typed client for it."""

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    """Look `__version__` up on first use: reading the metadata costs several milliseconds at import."""
    if name == "__version__":
        from importlib.metadata import version

        return version("fieldserve")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
