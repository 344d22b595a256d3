"""One function per use: load, let the domain decide, save.

Each is named as its operationId in snake_case and takes the `Context` it stands on, the `Caller` it acts for, and the
request's values; it answers a wire type or raises ApiError.
"""
