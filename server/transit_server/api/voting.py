"""How several models become one answer. Pure: numbers in, numbers out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transit_server.formats.base import Scores


@dataclass(frozen=True, slots=True)
class Vote:
    """For each row: the share of each class, the class chosen, and the share of models in the
    majority.
    """

    shares: Scores
    class_ids: NDArray[np.intp]
    agreement: Scores


def vote(scores: Scores, *, hard: bool) -> Vote:
    """`scores` is (models, rows, classes).

    Soft: the mean of the probabilities. Hard: one vote per model; where votes are equal, the mean
    of the probabilities decides between the classes that are ahead. The agreement counts votes
    either way.
    """
    models, rows, classes = scores.shape
    votes = np.zeros((rows, classes))
    for choice in np.argmax(scores, axis=2):
        votes[np.arange(rows), choice] += 1
    mean = scores.mean(axis=0)
    agreement = votes.max(axis=1) / models
    if not hard:
        return Vote(mean, np.argmax(mean, axis=1), agreement)
    ahead = votes == votes.max(axis=1, keepdims=True)
    class_ids = np.argmax(np.where(ahead, mean, -1.0), axis=1)
    return Vote(votes / models, class_ids, agreement)
