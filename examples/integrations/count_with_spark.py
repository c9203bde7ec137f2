"""A Spark job by spark-submit, and a Python function that is given a Spark session.

Package: apache-spark[pyspark], and Java. Connection: ``spark_default`` (its host is the master: ``local[2]``, ``spark://...``).
"""

from pathlib import Path

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG, Param, task

JOB = Path(__file__).parent / "spark_word_count.py"

with DAG(
    "count_with_spark",
    tags=["providers", "spark"],
    params={"output": Param("/tmp/words", type="string", description="Folder that the job writes its counts to")},
) as dag:
    submit = SparkSubmitOperator(
        task_id="submit",
        conn_id="spark_default",
        application=str(JOB),
        application_args=["to be or not to be", "{{ params.output }}"],
        conf={"spark.ui.enabled": "false"},
        verbose=False,
    )

    @task.pyspark(conn_id="spark_default", config_kwargs={"spark.ui.enabled": "false"})
    def most_frequent(output, spark):
        rows = spark.read.json(output).orderBy("count", "word", ascending=[False, True]).collect()
        return [[row["word"], row["count"]] for row in rows]

    submit >> most_frequent("{{ params.output }}")
