"""A model store in MLflow's model registry, which is only read: MLflow's own programs write it.

    mlflow://HOST/PREFIX    a tracking server, by its REST API; the package mlflow is not needed
    churn@3.0.0             version 3 of the registered model churn
    churn@champion          what that alias names; latest is the highest number

`storage.MlflowStorage` is the `Storage`; `client` asks the server, `registry` what is registered;
`artifacts` has the files that the server gives out itself, others are in a store of objects;
`contents` makes of a model that was logged what every version has, its metadata and checksums
(docs/decisions/0077-mlflow-registries.md).
"""
