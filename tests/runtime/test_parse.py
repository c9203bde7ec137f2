"""Parses in real processes: what they need, what they ask for, and how badly they may end."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.runtime.client import ForkServer

GIB = 1 << 30
GOOD = "from airflow.sdk import DAG\nDAG('good')\ndag = DAG('good_too')\n"


@pytest.fixture
def server():
    made = ForkServer()
    yield made
    made.close()


def parse(server: ForkServer, folder: Path, text: str, *, timeout: float = 10, answer=None):
    (folder / "f.py").write_text(text)
    return server.parse(str(folder), "f.py", timeout=timeout, memory_bytes=GIB, answer=answer)


def test_what_a_task_imports_later_belongs_to_the_file(server, tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "late.py").write_text("from . import later\n")
    (tmp_path / "pkg" / "later.py").write_text("")
    (tmp_path / "other.py").write_text("")
    found = parse(server, tmp_path, "def work():\n    from pkg.late import x\n    import json\n")
    assert found.errors == []
    assert found.modules == ["f.py", "pkg/__init__.py", "pkg/late.py", "pkg/later.py"]


def test_what_importing_opens_is_named(server, tmp_path):
    (tmp_path / "conf.yaml").write_text("a: 1")
    found = parse(server, tmp_path, f"open({str(tmp_path / 'conf.yaml')!r}).read()\nopen('/dev/null', 'w')\n")
    assert found.reads == ["conf.yaml", "f.py"]


def test_a_module_that_breaks_is_named_too(server, tmp_path):
    (tmp_path / "helper.py").write_text("def broken(:")
    found = parse(server, tmp_path, "import helper\n")
    assert "SyntaxError" in found.errors[0]["message"]
    assert found.reads == ["f.py", "helper.py"]


def test_code_at_module_level_may_ask(server, tmp_path):
    def answer(what, args):
        if what != "variable":
            raise LookupError(f"no {what} here")
        return {"value": args["key"].upper()}

    text = (
        "from airflow.sdk import DAG, Variable, BaseHook\n"
        "dag = DAG(Variable.get('name'))\n"
        "try:\n    BaseHook.get_connection('c')\nexcept Exception as error:\n    dag.description = str(error)\n"
    )
    found = parse(server, tmp_path, text, answer=answer)
    assert found.errors == []
    assert (found.dags[0]["dag_id"], found.dags[0]["description"]) == ("NAME", "no connection here")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\nwhile True:\n    pass\n", 2),
        ("import time\n\ntime.sleep(1000)\n", 3),
        ("while True:\n    try:\n        import time; time.sleep(9)\n    except BaseException:\n        pass\n", 3),
    ],
)
def test_a_file_that_hangs_is_ended_and_its_line_told(server, tmp_path, text, line):
    found = parse(server, tmp_path, text, timeout=1)
    assert found.limit and found.seconds < 5
    assert "took longer than 1 s" in found.errors[0]["message"]
    assert found.errors[0]["line"] in (line, line + 1)


def test_a_crash_tells_the_line_it_came_from(server, tmp_path):
    found = parse(server, tmp_path, "import os, signal\n\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    assert "SIGSEGV" in found.errors[0]["message"] and found.errors[0]["line"] == 3


def test_a_file_that_eats_memory_gets_an_error(server, tmp_path):
    found = parse(server, tmp_path, "x = []\nwhile True:\n    x.append(bytearray(50_000_000))\n")
    assert found.errors[0]["message"] == "MemoryError" and found.errors[0]["line"] == 3


def test_a_file_that_kills_its_parent_is_named_and_spoils_no_other(server, tmp_path):
    (tmp_path / "slow.py").write_text(f"import time\ntime.sleep(0.4)\n{GOOD}")
    with ThreadPoolExecutor(4) as pool:
        others = [pool.submit(server.parse, str(tmp_path), "slow.py", timeout=20, memory_bytes=GIB) for _ in range(3)]
        killer = parse(
            server, tmp_path, "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(9)\n"
        )
    assert "ended the process it was started from" in killer.errors[0]["message"]
    assert [[dag["dag_id"] for dag in each.result().dags] for each in others] == [["good_too"]] * 3


def test_what_a_file_leaves_running_is_ended(server, tmp_path):
    text = "import subprocess\nopen({!r}, 'w').write(str(subprocess.Popen(['sleep', '1000']).pid))\n"
    assert parse(server, tmp_path, text.format(str(tmp_path / "pid"))).errors == []
    pid = int((tmp_path / "pid").read_text())
    stopped = threading.Event()
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            state = "gone"
        if state in ("Z", "gone"):
            break
        stopped.wait(0.05)
    assert state in ("Z", "gone")


def test_a_forked_child_that_holds_the_pipe_open_delays_nothing(server, tmp_path):
    found = parse(server, tmp_path, f"import os, time\nif os.fork() == 0:\n    time.sleep(1000)\n{GOOD}", timeout=8)
    assert found.errors == [] and found.seconds < 4


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.closerange(0, 100)\n",
        "import os\nos.chdir('/')\nos.umask(0)\n",
        "for _ in range(2000):\n    print('x' * 100_000)\n",
        "import sys\nsys.stdout.close(); sys.stderr.close()\n",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n",
        "import os\nfor fd in range(3, 1000):\n    try: os.write(fd, b'x' * 100000)\n    except OSError: pass\n",
        "import locale\nlocale.setlocale(locale.LC_ALL, 'C')\n",
        "try:\n    input()\nexcept EOFError:\n    pass\n",
    ],
)
def test_careless_code_still_defines_its_dags(server, tmp_path, text):
    found = parse(server, tmp_path, text + GOOD)
    assert found.errors == []
    assert [each["dag_id"] for each in found.dags] == ["good_too"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys\nsys.modules.clear()\n" + GOOD, "ImportError"),
        ("import os\nos.abort()\n", "SIGABRT"),
        ("import os\nos._exit(0)\n", "exit code 0"),
        ("def f(): f()\nf()\n", "RecursionError"),
        ("x = '" + "\\0" + "\x00'", "null bytes"),
        ("raise BaseException('from the file')", "from the file"),
    ],
)
def test_no_answer_is_never_no_dags(server, tmp_path, text, message):
    found = parse(server, tmp_path, text, timeout=5)
    assert found.dags == []
    assert found.errors and message in found.errors[0]["message"]


def test_parses_of_many_threads_do_not_mix(server, tmp_path):
    for number in range(40):
        (tmp_path / f"f{number}.py").write_text(f"from airflow.sdk import DAG\ndag = DAG('d{number}')\n")
    before = len(os.listdir("/proc/self/fd"))

    def one(number: int) -> str:
        found = server.parse(str(tmp_path), f"f{number}.py", timeout=10, memory_bytes=GIB)
        return found.dags[0]["dag_id"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(40))) == [f"d{number}" for number in range(40)]
    assert len(os.listdir("/proc/self/fd")) <= before + 4
