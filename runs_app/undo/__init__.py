"""Taking back what one did a moment ago, as long as nothing has come of it that cannot be taken back.

:mod:`~runs_app.undo.keeping` remembers what was there before, :mod:`~runs_app.undo.taking_back` puts it back.
"""
