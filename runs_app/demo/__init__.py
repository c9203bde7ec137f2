"""A reference installation to look at and to measure on: DAG files, their versions, and a year of believable history.

Its DAGs are files like anybody's, parsed by the DAG processor. Its history was never lived: rows are inserted as the
engine would have left them (``check_invariants`` holds), which is why it goes past :mod:`runs_app.transitions` and
refuses a database that holds anybody's own DAGs.
"""
