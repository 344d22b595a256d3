"""What every part of a request or an answer has in common: camelCase on the wire, absent members left out."""

import msgspec


class Part(msgspec.Struct, omit_defaults=True, rename="camel"):
    """A part of a request or an answer; None stands for an absent member."""
