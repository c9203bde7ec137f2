"""XCom values of numpy, pandas, Arrow and polars, as Arrow's own formats inside the JSON."""

from __future__ import annotations

import base64
from typing import Any

TAG = "__type"
Json = dict[str, Any]


def to_tagged(library: str, value: Any) -> Json | None:
    """The tagged form; None: the library has other things, too.

    Raises:
        TypeError: pyarrow is needed to write a table and is not installed.
    """
    if library == "numpy":
        return _numpy(value)
    if library == "pandas":
        return _pandas(value)
    if library == "polars":
        return {TAG: "polars", "value": _stream(value.to_arrow())} if type(value).__name__ == "DataFrame" else None
    name = type(value).__name__
    if name == "RecordBatch":
        import pyarrow

        value = pyarrow.Table.from_batches([value])
    return {TAG: "arrow", "value": _stream(value)} if name in {"Table", "RecordBatch"} else None


def _numpy(value: Any) -> Json | None:
    import numpy

    if isinstance(value, numpy.ndarray):
        if value.dtype.hasobject:
            raise TypeError("a numpy array of Python objects cannot be an XCom: return value.tolist()")
        data = base64.b64encode(numpy.ascontiguousarray(value).tobytes()).decode()
        return {TAG: "ndarray", "dtype": value.dtype.str, "shape": list(value.shape), "value": data}
    if isinstance(value, numpy.generic):
        is_number = value.dtype.kind in "biu" or (value.dtype.kind == "f" and numpy.isfinite(value))
        plain = value.item() if is_number else base64.b64encode(value.tobytes()).decode()
        return {TAG: "numpy", "dtype": value.dtype.str, "value": plain}
    return None


def _pandas(value: Any) -> Json | None:
    import pandas

    if isinstance(value, pandas.Timestamp | pandas.Timedelta):  # they are datetimes, but finer
        return {TAG: "pandas", "kind": type(value).__name__, "value": value.isoformat()}
    if isinstance(value, pandas.Series):
        return {TAG: "series", "name": value.name, "value": _stream(_table(value.to_frame("value")))}
    if isinstance(value, pandas.DataFrame):
        return {TAG: "pandas", "kind": "DataFrame", "value": _stream(_table(value))}
    return None


def _table(frame: Any) -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise TypeError(
            "a pandas object is an XCom only where pyarrow is installed: install it, or return a path"
        ) from error
    return pyarrow.Table.from_pandas(frame)


def _stream(table: Any) -> str:
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return base64.b64encode(sink.getvalue().to_pybytes()).decode()


def _read(text: str) -> Any:
    import pyarrow

    return pyarrow.ipc.open_stream(base64.b64decode(text)).read_all()


def from_tagged(tag: str, data: Json) -> Any:
    if tag in {"numpy", "ndarray"}:
        import numpy

        if not isinstance(data["value"], str):
            return numpy.dtype(data["dtype"]).type(data["value"])
        flat = numpy.frombuffer(base64.b64decode(data["value"]), dtype=data["dtype"])
        return flat.reshape(data["shape"]).copy() if tag == "ndarray" else flat[0]
    if tag == "arrow":
        return _read(data["value"])
    if tag == "polars":
        import polars

        return polars.from_arrow(_read(data["value"]))
    import pandas

    if tag == "series":
        return _read(data["value"]).to_pandas()["value"].rename(data["name"])
    if data["kind"] == "DataFrame":
        return _read(data["value"]).to_pandas()
    return getattr(pandas, data["kind"])(data["value"])
