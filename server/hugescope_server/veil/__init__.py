"""What those see who may not see addresses: the same hosts, with every address changed.

`places.py` gives each mapping a place in an address space that is nobody's, `spaces.py` translates
the addresses of one host's processes there and back, `records.py` finds them in records by the
types of their fields and `words.py` in text, and `hub.py`, `track.py` and `desk.py` show a hub, a
mapping and the migrations so. `sight.py` says who sees what. docs/decisions/0018 says why it is so.
"""
