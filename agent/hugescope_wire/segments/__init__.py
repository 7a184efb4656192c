"""The second format of recorded time: segments, each readable by itself.

All numbers little-endian. A file begins with the magic ``HSREC2\\r\\n``; then records follow, each
with a head of its own (`head.py`) that holds a sync mark, what it is, its times, the sums of its
payload and of itself, and the sum of the head before it: a record that is missing is noticed.

- A **key** holds a whole picture (`keys.py`). A key begins a segment. One that *continues* says
  nothing new: it is the state in which the segment before ended, and who read that one goes on.
- **Deltas** hold the frames of about a second (`deltas.py`), compressed in the context of the
  deltas before in the same segment.
- A **gap** tells of a time of which nothing was kept, and why.
- An **end** says that whoever recorded ended it; without one, up to a second may be missing.

So damage costs the rest of its segment: the next key is found by its sync mark and stands alone.
Times are whole microseconds since 1970 and never fall.
"""
