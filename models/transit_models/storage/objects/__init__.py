"""A model store as objects under names: S3, Google Cloud Storage, Azure Blob Storage, HTTP servers.

`storage.ObjectStorage` is the `Storage`, over the few operations of `objects.Objects`, which one
library has for all kinds (docs/decisions/0065-one-library-for-objects.md). `kinds` tells the kinds
apart, `secret` who asks, `publishing` and `downloading` how versions get in and out.
"""
