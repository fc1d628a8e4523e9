"""How many tasks a bulk import sends at once."""

from __future__ import annotations

from core.tasks import limits
from core.tasks.bulk import fitting_batch


def test_a_slow_machine_gets_no_smaller_batches_than_it_began_with() -> None:
    size = limits.FIRST_BATCH
    for _ in range(50):
        size = fitting_batch(size, limits.SLOW_SECONDS - 1)
    assert size == limits.FIRST_BATCH


def test_a_server_so_slow_that_a_proxy_may_give_up_gets_smaller_ones() -> None:
    assert fitting_batch(limits.FIRST_BATCH, 2 * limits.SLOW_SECONDS) < limits.FIRST_BATCH


def test_what_a_proxy_takes_at_once_is_not_exceeded_by_leaps() -> None:
    assert fitting_batch(50, 0.0) == 200
    assert fitting_batch(50, limits.BATCH_SECONDS) == 50
    assert fitting_batch(limits.LARGEST_BATCH, 0.0) == limits.LARGEST_BATCH
