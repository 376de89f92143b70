"""MLflow's model folders, of every flavour that is served, laid out as MLflow 2 and 3 write them:
the answers are the library's, and the signature names the columns.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import msgspec
import numpy as np
import pandas
import pytest
import yaml
from numpy.typing import NDArray

from tests.looking import looked_into_here
from transit_models import verify_version
from transit_models.cli import main
from transit_server import formats
from transit_server.api.decoding.rows import parsed
from transit_server.errors import InvalidInput

pytestmark = pytest.mark.timeout(180)
COLUMNS = ("age", "income", "debt")
ROWS = np.random.default_rng(2).normal(size=(120, 3))
YES = (ROWS[:, 0] > ROWS[:, 1]).astype(int)
OLD = Path(__file__).parents[2] / "models" / "old_xgboost"

Answers = NDArray[Any]


@pytest.fixture(autouse=True)
def here() -> Iterator[None]:
    with looked_into_here():
        yield


def described(
    folder: Path,
    flavour: str,
    says: dict[str, Any],
    kind: str = "double",
    names: tuple[str, ...] = COLUMNS,
    optional: tuple[str, ...] = (),
) -> None:
    """`MLmodel`, with the columns of the signature."""
    columns = [{"type": kind, "name": name, "required": name not in optional} for name in names]
    folder.mkdir(exist_ok=True)
    text = {
        "artifact_path": "model",
        "flavors": {
            "python_function": {
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": f"mlflow.{flavour}",
                "python_version": "3.11.2",
            },
            flavour: {"code": None, **says},
        },
        "mlflow_version": "2.22.0",
        "signature": {
            "inputs": json.dumps(columns),
            "outputs": '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1]}}]',
            "params": None,
        },
    }
    (folder / "MLmodel").write_text(yaml.safe_dump(text))


def of_sklearn(folder: Path) -> Answers:
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(5, max_depth=3, random_state=0).fit(ROWS, YES)
    described(folder, "sklearn", {"pickled_model": "model.pkl", "sklearn_version": "1.9.1",
                                  "serialization_format": "cloudpickle"})  # fmt: skip
    joblib.dump(model, folder / "model.pkl")
    return np.asarray(model.predict_proba(ROWS))


def of_sklearn_in_skops(folder: Path) -> Answers:
    """As MLflow writes by itself since 3.18."""
    import skops.io
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(5, max_depth=3, random_state=0).fit(ROWS, YES)
    described(folder, "sklearn", {"pickled_model": "model.skops", "sklearn_version": "1.9.1",
                                  "serialization_format": "skops"})  # fmt: skip
    skops.io.dump(model, folder / "model.skops")
    return np.asarray(model.predict_proba(ROWS))


def of_xgboost(folder: Path) -> Answers:
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=4).fit(ROWS, YES)
    described(folder, "xgboost", {"data": "model.xgb", "model_format": "xgb", "xgb_version": "2",
                                  "model_class": "xgboost.sklearn.XGBClassifier"})  # fmt: skip
    (folder / "model.xgb").write_bytes(bytes(model.get_booster().save_raw("ubj")))
    return np.asarray(model.predict_proba(ROWS))


def of_lightgbm(folder: Path) -> Answers:
    import lightgbm

    data = lightgbm.Dataset(ROWS, YES)
    model = lightgbm.train({"objective": "binary", "verbose": -1, "min_data": 5}, data, 4)
    described(folder, "lightgbm", {"data": "model.lgb", "lgb_version": "4.7.0",
                                   "model_class": "lightgbm.basic.Booster"})  # fmt: skip
    model.save_model(str(folder / "model.lgb"))
    said = np.asarray(model.predict(ROWS))
    return np.stack([1 - said, said], axis=1)


def of_lightgbms_estimator(folder: Path) -> Answers:
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=4, verbose=-1).fit(ROWS, YES)
    described(folder, "lightgbm", {"data": "model.pkl", "lgb_version": "4.7.0",
                                   "model_class": "lightgbm.sklearn.LGBMClassifier"})  # fmt: skip
    joblib.dump(model, folder / "model.pkl")
    return np.asarray(model.predict_proba(ROWS))


def of_keras(folder: Path) -> Answers:
    from tensorflow import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((3,)), keras.layers.Dense(2, activation="softmax")]
    model = keras.Sequential(layers)
    described(folder, "keras", {"data": "data", "keras_backend": "tensorflow",
                                "keras_version": "3.15.1"})  # fmt: skip
    (folder / "data").mkdir()
    model.save(folder / "data" / "model.keras")
    return np.asarray(model.predict(ROWS.astype(np.float32), verbose=0))


def of_onnx(folder: Path) -> Answers:
    import skl2onnx
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(ROWS, YES)
    proto = skl2onnx.to_onnx(model, ROWS[:1].astype(np.float32), options={"zipmap": False})
    described(folder, "onnx", {"data": "model.onnx", "onnx_version": "1.23.2",
                               "providers": ["CPUExecutionProvider"]}, "float")  # fmt: skip
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    return np.asarray(model.predict_proba(ROWS))


@pytest.mark.parametrize(
    "write",
    [
        of_sklearn,
        of_sklearn_in_skops,
        of_xgboost,
        of_lightgbm,
        of_lightgbms_estimator,
        of_keras,
        of_onnx,
    ],
)
def test_answers_are_the_librarys(tmp_path: Path, write: Callable[[Path], Answers]) -> None:
    wanted = write(tmp_path / "model")
    store = tmp_path / "store"
    arguments = ["pack", str(tmp_path / "model"), str(store), "m@1.0.0", "--labels", "0,1"]
    assert main(arguments) == 0
    loaded = formats.load(verify_version(store / "m/v1.0.0"), tmp_path / "work")
    assert loaded.inputs.names == COLUMNS
    rows = ROWS.astype(loaded.inputs.row_dtype)
    assert np.allclose(loaded.predict(rows), wanted, atol=2e-6)


def gapped(model: Any) -> tuple[Any, pandas.DataFrame]:
    """Trained on a table with gaps in `debt`, and in `city` where there is one."""
    rows = pandas.DataFrame(ROWS, columns=list(COLUMNS))
    rows.loc[::4, "debt"] = np.nan
    return model.fit(rows, YES), rows


def with_imputer() -> tuple[Any, pandas.DataFrame]:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return gapped(make_pipeline(SimpleImputer(), LogisticRegression()))


def of_histograms() -> tuple[Any, pandas.DataFrame]:
    """Which takes gaps, and does not say so."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return gapped(HistGradientBoostingClassifier(max_iter=4))


def scaled_histograms() -> tuple[Any, pandas.DataFrame]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return gapped(make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=4)))


def without_gaps() -> tuple[Any, pandas.DataFrame]:
    from sklearn.linear_model import LogisticRegression

    rows = pandas.DataFrame(ROWS, columns=list(COLUMNS))
    return LogisticRegression().fit(rows, YES), rows


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize(
    ("make", "takes_gaps"),
    [(with_imputer, True), (of_histograms, True), (scaled_histograms, True), (without_gaps, False)],
)
def test_columns_that_the_signature_lets_be_missing(
    tmp_path: Path, make: Callable[[], tuple[Any, pandas.DataFrame]], takes_gaps: bool, every: bool
) -> None:
    """null is what its library makes of NaN, or is refused if that takes none."""
    model, rows = make()
    described(tmp_path / "model", "sklearn", {"pickled_model": "model.pkl"},
              optional=COLUMNS if every else ("debt",))  # fmt: skip
    joblib.dump(model, tmp_path / "model" / "model.pkl")
    store = tmp_path / "store"
    assert main(["pack", str(tmp_path / "model"), str(store), "m@1.0.0"]) == 0
    loaded = formats.load(verify_version(store / "m/v1.0.0"), tmp_path / "work")

    def row(**values: float | None) -> NDArray[Any]:
        return parsed(msgspec.Raw(msgspec.json.encode(values)), loaded.inputs, "features")

    asked = rows.iloc[:20]
    if takes_gaps:
        got = np.concatenate([row(**item) for item in asked.to_dict("records")])
        assert loaded.predict(got) == pytest.approx(model.predict_proba(asked), abs=1e-6)
        with pytest.raises(InvalidInput, match="send null"):
            row(age=1.0, income=2.0)
    else:
        assert "lets age, income, debt be missing" if every else "lets debt be" in loaded.note
        with pytest.raises(InvalidInput, match="null"):
            row(age=1.0, income=2.0, debt=None)
    if not (takes_gaps and every) and make is not with_imputer:
        with pytest.raises(InvalidInput, match="null"):
            row(age=None, income=2.0, debt=1.0)


def test_the_old_binary_of_xgboost_in_a_folder(tmp_path: Path) -> None:
    """What MLflow wrote with XGBoost before 2.1; nobody converts what is inside a folder."""
    folder = tmp_path / "model"
    four = ("a", "b", "c", "d")
    described(folder, "xgboost", {"data": "model.xgb", "model_format": "xgb"}, "float", four)
    (folder / "model.xgb").write_bytes((OLD / "1.7.6-linear.deprecated").read_bytes())
    told = json.loads((OLD / "answers-1.7.6.json").read_text())
    store = tmp_path / "store"
    assert main(["pack", str(folder), str(store), "m@1.0.0", "--labels", "no,yes"]) == 0
    loaded = formats.load(verify_version(store / "m/v1.0.0"), tmp_path / "work")
    places = [n for n, row in enumerate(told["rows"]) if None not in row]
    said = loaded.predict(np.array([told["rows"][n] for n in places], dtype=np.float32))
    assert np.allclose(said[:, 1], [told["answers"]["linear"][n] for n in places], atol=1e-6)


def test_code_of_the_authors_own_is_refused_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A PythonModel, as `mlflow.pyfunc.log_model` writes it."""
    folder = tmp_path / "model"
    described(folder, "python_function", {"loader_module": "mlflow.pyfunc.model",
                                          "python_model": "python_model.pkl"})  # fmt: skip
    (folder / "python_model.pkl").write_bytes(b"code")
    assert main(["pack", str(folder), str(tmp_path / "store"), "m@1.0.0", "--labels", "0,1"]) != 0
    said = " ".join(capsys.readouterr().err.split())
    assert "its only flavour is python_function" in said
    assert "by the flavour of its library, of which sklearn, xgboost" in said
