"""Checks and evaluates the expressions in stream maps, and explains their errors.

This package does not depend on the SDK. The connectors pass in what the SDK's evaluator offers.
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
