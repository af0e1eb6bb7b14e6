"""Expressions in the stream maps of a plugin: checked before the first record, and explained where one fails.

Nothing here knows the framework that evaluates them; the connectors hand over what it offers.
"""

from planhat_api.plugin.expressions.check import Columns, Evaluator
from planhat_api.plugin.expressions.evaluation import ExpressionError, Expressions
from planhat_api.plugin.expressions.location import STREAM_MAPS
from planhat_api.plugin.expressions.maps import check_maps, check_stream, unused_maps

__all__ = [
    "STREAM_MAPS",
    "Columns",
    "Evaluator",
    "ExpressionError",
    "Expressions",
    "check_maps",
    "check_stream",
    "unused_maps",
]
