"""Models and where they are stored: specs that are wrong, and specs that only look so."""

from .parts import Right, Wrong

WRONG: Wrong = {
    "two models of one name": (
        {"models": [{"name": "m", "version": "1.0.0"}, {"name": "m", "version": "1.1.0"}]},
        ["spec.models[1]", "Duplicate value"],
    ),
    "no model": ({"models": []}, ["spec.models", "at least 1"]),
    "a bad semver": (
        {"models": [{"name": "m", "version": "v1.0"}]},
        ["spec.models[0].version", "must be a semantic version"],
    ),
    "a number of MLflow's": (
        {"models": [{"name": "m", "version": "v3"}], "storage": {"uri": "mlflow://mlflow"}},
        ["spec.models[0].version", "must be a semantic version"],
    ),
    "an unknown alias": (
        {"models": [{"name": "m", "version": "newest"}]},
        ["spec", "an alias is one of stable, latest"],
    ),
    "a storage of another kind": (
        {"storage": {"uri": "ftp://models"}},
        ["spec.storage.uri", "must be s3://"],
    ),
    "a tag of a registry": (
        {"storage": {"uri": "oci://registry.example.com/models:1.0.0"}},
        ["spec.storage.uri", "that of oci:// small letters and no tag"],
    ),
    "a default that is no model": (
        {"default": "other"},
        ["spec", "default must be the name of one of the models"],
    ),
    "a Secret's name in upper case": (
        {"storage": {"uri": "s3://models", "secretName": "MinIO"}},
        ["spec.storage.secretName", "must be the name of an object"],
    ),
    "an empty name of a Secret": (
        {"storage": {"uri": "s3://models", "secretName": ""}},
        ["spec.storage.secretName"],
    ),
    "a claim with an underscore": (
        {"storage": {"uri": "pvc://my_claim/store"}},
        ["spec.storage.uri", "pvc://CLAIM/PATH"],
    ),
    "a claim with two dots in a row": (
        {"storage": {"uri": "pvc://my..claim/store"}},
        ["spec.storage.uri", "pvc://CLAIM/PATH"],
    ),
    "a path that leaves the claim": (
        {"storage": {"uri": "pvc://claim/store/../../other"}},
        ["spec.storage.uri", "no '..'"],
    ),
    "the root of the node": (
        {"storage": {"uri": "file:////"}},
        ["spec.storage.uri", "file:///PATH is not the root"],
    ),
    "the root of the node, said shorter": (
        {"storage": {"uri": "file:///"}},
        ["spec.storage.uri", "file:///PATH is not the root"],
    ),
    "the root of the node, said with a dot": (
        {"storage": {"uri": "file:///."}},
        ["spec.storage.uri", "file:///PATH is not the root"],
    ),
    "a directory above": (
        {"storage": {"uri": "file:///srv/models/../../etc"}},
        ["spec.storage.uri", "no '..'"],
    ),
    "a directory with two slashes": (
        {"storage": {"uri": "file:///srv//models"}},
        ["spec.storage.uri", "no '//'"],
    ),
    "a version that is followed": (
        {"models": [{"name": "forest", "version": "1.0.0", "follow": "5m"}]},
        ["spec.models[0]", "follow is of an alias"],
    ),
    "an alias that is followed too closely": (
        {"models": [{"name": "forest", "version": "latest", "follow": "30s"}]},
        ["spec.models[0]", "follow must be at least 1m"],
    ),
    "an alias that is followed for no time": (
        {"models": [{"name": "forest", "version": "latest", "follow": "often"}]},
        ["spec.models[0].follow", "must be a duration"],
    ),
    "an unknown field": ({"rollouts": {}}, ["unknown field", "spec.rollouts"]),
}

RIGHT: Right = {
    "an alias that is followed": {
        "models": [{"name": "forest", "version": "latest", "follow": "1m"}],
    },
    "a claim as a whole": {"storage": {"uri": "pvc://models"}},
    "a claim with a slash": {"storage": {"uri": "pvc://models.v1/"}},
    "a folder of a claim": {"storage": {"uri": "pvc://models/a/.b/c..d/"}},
    "a directory of the node": {"storage": {"uri": "file:///srv/models/a b/..c/"}},
    "a bucket's folder": {"storage": {"uri": "s3://models/a/b..c/"}},
    "a bucket of Google's": {"storage": {"uri": "gs://team_models/a"}},
    "a container of Azure's": {"storage": {"uri": "az://models"}},
    "a registry of MLflow's": {
        "models": [{"name": "churn", "version": "champion", "follow": "5m"}],
        "storage": {"uri": "mlflow://mlflow.example.com:5000/ml"},
    },
    "a registry": {"storage": {"uri": "oci://registry.example.com:5000/team_a/models"}},
    "a web server": {"storage": {"uri": "https://models.example.com:8443/a/b"}},
}
