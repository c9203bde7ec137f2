"""A key in Redis is waited for, and a message is published when it is there.

Package: redis. Connection: ``redis_default``.
"""

from airflow.providers.redis.hooks.redis import RedisHook
from airflow.providers.redis.operators.redis_publish import RedisPublishOperator
from airflow.providers.redis.sensors.redis_key import RedisKeySensor
from airflow.sdk import DAG, task

with DAG("signal_by_redis", tags=["providers", "redis"]) as dag:

    @task
    def set_key(run_id):
        RedisHook("redis_default").get_conn().set(f"ready:{run_id}", 1, ex=600)

    is_ready = RedisKeySensor(
        task_id="is_ready", redis_conn_id="redis_default", key="ready:{{ run_id }}", poke_interval=1, timeout=30
    )
    tell = RedisPublishOperator(
        task_id="tell", redis_conn_id="redis_default", channel="runs", message="{{ run_id }} is ready"
    )
    set_key() >> is_ready >> tell
