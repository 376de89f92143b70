"""The model store: where versions of models live, wherever that is.

`open_storage` opens one, `fetch_verified` brings a version and verifies it. Neighbours: the server
and the commands call these two; `publishing` has what every store refuses to publish.
"""

from transit_models.storage.fetching import fetch_verified
from transit_models.storage.opening import open_storage, split_reference
from transit_models.storage.protocol import Storage

__all__ = ["Storage", "fetch_verified", "open_storage", "split_reference"]
