"""One page of HTML about recorded time, that opens from disk and asks nobody for anything."""
