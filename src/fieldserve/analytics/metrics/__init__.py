"""Every metric, once: in words, and as a portable expression over the facts."""

from fieldserve.analytics.metrics import audit, demand, feedback, payments  # registering is what importing them does
from fieldserve.analytics.metrics.registry import METRICS, Filters, Groups, Metric, Rows, Tally, register, together

__all__ = [
    "METRICS",
    "Filters",
    "Groups",
    "Metric",
    "Rows",
    "Tally",
    "audit",
    "demand",
    "feedback",
    "payments",
    "register",
    "together",
]
