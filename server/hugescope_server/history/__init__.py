"""The server's memory of each host: on disk, in the format of a recording.

In the order of the data: `moments.py` says when a frame was made, `waiting.py` keeps frames until
they are written, `history.py` hands them to `worker.py`'s thread in rounds, `hostfiles.py`
writes one host's, `keeping.py` removes what is too old or too much, `places.py` knows what is where
and `archive.py` reads it all again, while it is written.
"""
