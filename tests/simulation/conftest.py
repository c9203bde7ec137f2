from tests.runs_app.conftest import emptied

__all__ = ["emptied"]
