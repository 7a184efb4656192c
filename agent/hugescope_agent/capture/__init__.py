"""Capturing: the raw files that readers need, as a tree that `Root` reads on any machine.

In the order of the data: `processes.py` reads processes and who shares pages with them, `frames.py`
gives every page another number, `texts.py` and `arguments.py` leave out what nothing here reads,
`host.py` takes the host's own files, and `archive.py` writes sparse files. Decision 22 says what is
in a capture and what is not.
"""
