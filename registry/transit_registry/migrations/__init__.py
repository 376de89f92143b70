"""How the tables came to be, step by step; `transit_registry.migrating` walks them."""
