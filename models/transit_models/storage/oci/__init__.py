"""A model store in a registry of OCI artifacts, beside container images.

    oci://REGISTRY/PATH        REGISTRY/PATH/NAME is the repository of a model
    REGISTRY/PATH/NAME:1.1.0   a version: a manifest of CNCF's ModelPack, a layer for each file
    REGISTRY/PATH/NAME:latest  an alias: the same manifest under another tag

`storage.OciStorage` is the `Storage`; `client` asks the registry, as who `accounts` says,
`registry` has the few operations of its API, `manifests` the format, and `source` what versions
are copied from (docs/decisions/0076-oci-artifacts.md).
"""
