"""The report: everything about a host's huge pages that is not cells, joined after a look."""
