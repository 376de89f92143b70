"""Models of one library that start at the same time, each in a thread of its own."""

import os
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest

from tests.server.example_store import publish

ROWS = np.random.default_rng(0).normal(size=(120, 4))
KINDS = (ROWS[:, 0] > 0).astype(int)
YES_NO = ("no", "yes")


_STARTS = """
import sys, threading
from pathlib import Path
from transit_models.integrity import version_in
from transit_server.formats import opening, whole
failed = []
def load(path):
    try:
        opening.original(whole.begin(version_in(Path(path))).source)
    except BaseException as error:
        failed.append(repr(error))
threads = [threading.Thread(target=load, args=(path,)) for path in sys.argv[1:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit("; ".join(failed) or 0)
"""


_COUNT = int(os.environ.get("TEST_STARTS", "5"))


@pytest.mark.timeout(60 + 30 * _COUNT)
def test_models_of_one_library_start_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their imports used to race, and one start in some failed. TEST_STARTS=100 asks for more, and
    tells how far it is.
    """
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=2).fit(ROWS, KINDS)
    paths = [
        publish(tmp_path, "a", "1.0.0", ".json", model.save_model, features=4, labels=YES_NO),
        publish(tmp_path, "b", "1.0.0", ".pkl", lambda p: joblib.dump(model, p), features=4,
                labels=YES_NO),
        publish(tmp_path, "c", "1.0.0", ".ubj", model.save_model, features=4, labels=YES_NO),
    ]  # fmt: skip
    begun = time.monotonic()
    for number in range(1, _COUNT + 1):
        command = [sys.executable, "-c", _STARTS, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"start {number} of {_COUNT}: {done.stderr}"
        if number % 10 == 0:
            with capsys.disabled():
                print(f"{number} of {_COUNT} starts, {time.monotonic() - begun:.0f} s", flush=True)
