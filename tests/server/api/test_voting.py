"""Several models' scores → one answer."""

import numpy as np
import pytest

from transit_server.api.voting import vote

SURE_A = [0.9, 0.1, 0.0]
LIKELY_B = [0.4, 0.6, 0.0]
SURE_C = [0.0, 0.1, 0.9]


@pytest.mark.parametrize(
    ("name", "scores", "hard", "chosen", "shares", "agreement"),
    [
        ("one model", [SURE_A], False, 0, SURE_A, 1.0),
        ("soft", [SURE_A, LIKELY_B, LIKELY_B], False, 0, [1.7 / 3, 1.3 / 3, 0], 2 / 3),
        ("hard counts heads", [SURE_A, LIKELY_B, LIKELY_B], True, 1, [1 / 3, 2 / 3, 0], 2 / 3),
        ("all agree", [SURE_A, SURE_A], True, 0, [1, 0, 0], 1.0),
        ("tie: the mean decides", [SURE_A, LIKELY_B], True, 0, [0.5, 0.5, 0], 0.5),
        ("tie of two", [SURE_C, SURE_C, SURE_A, SURE_A, LIKELY_B], True, 0, [0.4, 0.2, 0.4], 0.4),
        ("nobody agrees", [SURE_A, LIKELY_B, SURE_C], True, 0, [1 / 3, 1 / 3, 1 / 3], 1 / 3),
    ],
)  # fmt: skip
def test_vote(
    name: str,
    scores: list[list[float]],
    hard: bool,
    chosen: int,
    shares: list[float],
    agreement: float,
) -> None:
    result = vote(np.array(scores)[:, None, :], hard=hard)
    assert result.class_ids.tolist() == [chosen]
    assert result.shares[0] == pytest.approx(shares)
    assert result.agreement[0] == pytest.approx(agreement)


def test_rows_do_not_mix() -> None:
    result = vote(np.array([[SURE_A, SURE_C], [SURE_A, LIKELY_B]]), hard=False)
    assert result.class_ids.tolist() == [0, 2]
    assert result.agreement.tolist() == [1.0, 0.5]
