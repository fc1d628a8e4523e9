"""Orders: which unlabeled images to label first.

Each order is a small pure function from arrays to an `Order`. Rows stand for images; what tag a row
has is the caller's business, and so is publishing.
"""

from core.learning.orders.coverage import k_center
from core.learning.orders.head import Head, Labels, fit_head, has_scikit_learn, labels_of
from core.learning.orders.nearest_loss import nearest_loss, worst
from core.learning.orders.order import Claims, Order, in_sequence
from core.learning.orders.random_picks import at_random, with_random_share
from core.learning.orders.uncertainty import by_uncertainty, entropy, margin
from core.learning.orders.uncertainty_herding import herding

__all__ = [
    "Claims",
    "Head",
    "Labels",
    "Order",
    "at_random",
    "by_uncertainty",
    "entropy",
    "fit_head",
    "has_scikit_learn",
    "herding",
    "in_sequence",
    "k_center",
    "labels_of",
    "margin",
    "nearest_loss",
    "with_random_share",
    "worst",
]
