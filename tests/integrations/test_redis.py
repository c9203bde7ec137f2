"""A key is waited for and a message published, on a Redis of the test's own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.support.servers import free_port, redis_binary, wait_for


@pytest.fixture(scope="module")
def client(installation: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    line = [redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    made = redis.Redis(port=port)

    def answers() -> bool:
        try:
            return bool(made.ping())
        except redis.ConnectionError:
            return False

    wait_for(answers, 20, "an answer of Redis")
    installation.connect("redis_default", "redis", host="127.0.0.1", port=port, extra={"db": 0})
    yield made
    made.close()
    server.terminate()
    server.wait(10)


def test_a_key_is_waited_for_and_a_message_goes_out(installation: Any, client: redis.Redis):
    heard = client.pubsub()
    heard.subscribe("runs")
    run = installation.finish("signal_by_redis").assert_success()
    said = wait_for(lambda: heard.get_message(ignore_subscribe_messages=True, timeout=0.2), 10, "a message")
    heard.close()
    assert said["data"] == f"{run.run_id} is ready".encode()
