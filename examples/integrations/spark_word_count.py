"""The job that Spark runs: counts the words of its first argument into the folder that the second names."""

import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("word count").getOrCreate()
words = spark.createDataFrame([[word] for word in sys.argv[1].split()], ["word"])
words.groupBy("word").count().coalesce(1).write.mode("overwrite").json(sys.argv[2])
spark.stop()
