"""What all tests share: the moving picture, which takes seconds, is drawn by its own tests only."""

from collections.abc import Iterator

import pytest

from portsim import queue_map

DRAWN_BY = ("test_report", "test_report_in_browser")


@pytest.fixture(scope="module", autouse=True)
def still(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the moving picture out, but where it is looked at."""
    with pytest.MonkeyPatch.context() as patch:
        if request.module.__name__.rpartition(".")[2] not in DRAWN_BY:
            patch.setattr(queue_map, "write_gif", lambda *_: False)
        yield
