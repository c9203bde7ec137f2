"""Where providers' classes were in Airflow 1 and 2, and where their packages have them today: one table.

A line is ``old module -> modern module`` with the names that changed as ``old=modern``; other names are looked up there as
they are. ``airflow.hooks`` and the like hold modules of Airflow 1; what begins with ``airflow.providers.`` moved later.
"""

from __future__ import annotations

from functools import cache

from .old_contrib import LINES

_P = "airflow.providers."
_AWS, _GCP, _AZURE = _P + "amazon.aws.", _P + "google.cloud.", _P + "microsoft.azure."
_SQL, _K8S = "orchestrator.compat.old_operators", _P + "cncf.kubernetes."

_LINES = f"""
airflow.hooks.S3_hook {_AWS}hooks.s3
airflow.hooks.dbapi {_P}common.sql.hooks.sql
airflow.hooks.dbapi_hook {_P}common.sql.hooks.sql
airflow.hooks.docker_hook {_P}docker.hooks.docker
airflow.hooks.druid_hook {_P}apache.druid.hooks.druid
airflow.hooks.hdfs_hook {_P}apache.hdfs.hooks.webhdfs
airflow.hooks.hive_hooks {_P}apache.hive.hooks.hive
airflow.hooks.http_hook {_P}http.hooks.http
airflow.hooks.jdbc_hook {_P}jdbc.hooks.jdbc
airflow.hooks.mssql_hook {_P}microsoft.mssql.hooks.mssql
airflow.hooks.mysql_hook {_P}mysql.hooks.mysql
airflow.hooks.oracle_hook {_P}oracle.hooks.oracle
airflow.hooks.pig_hook {_P}apache.pig.hooks.pig
airflow.hooks.postgres_hook {_P}postgres.hooks.postgres
airflow.hooks.presto_hook {_P}presto.hooks.presto
airflow.hooks.samba_hook {_P}samba.hooks.samba
airflow.hooks.slack_hook {_P}slack.hooks.slack
airflow.hooks.sqlite_hook {_P}sqlite.hooks.sqlite
airflow.hooks.webhdfs_hook {_P}apache.hdfs.hooks.webhdfs
airflow.hooks.zendesk_hook {_P}zendesk.hooks.zendesk
airflow.contrib.hooks.aws_athena_hook {_AWS}hooks.athena AWSAthenaHook=AthenaHook
airflow.contrib.hooks.aws_dynamodb_hook {_AWS}hooks.dynamodb AwsDynamoDBHook=DynamoDBHook
airflow.contrib.hooks.aws_firehose_hook {_AWS}hooks.firehose AwsFirehoseHook=FirehoseHook
airflow.contrib.hooks.aws_glue_catalog_hook {_AWS}hooks.glue_catalog AwsGlueCatalogHook=GlueCatalogHook
airflow.contrib.hooks.aws_hook {_AWS}hooks.base_aws AwsHook=AwsBaseHook
airflow.contrib.hooks.aws_lambda_hook {_AWS}hooks.lambda_function AwsLambdaHook=LambdaHook
airflow.contrib.hooks.aws_logs_hook {_AWS}hooks.logs
airflow.contrib.hooks.aws_sns_hook {_AWS}hooks.sns AwsSnsHook=SnsHook
airflow.contrib.hooks.aws_sqs_hook {_AWS}hooks.sqs SQSHook=SqsHook
airflow.contrib.hooks.azure_container_instance_hook {_AZURE}hooks.container_instance
airflow.contrib.hooks.azure_cosmos_hook {_AZURE}hooks.cosmos
airflow.contrib.hooks.azure_data_lake_hook {_AZURE}hooks.data_lake
airflow.contrib.hooks.azure_fileshare_hook {_AZURE}hooks.fileshare
airflow.contrib.hooks.bigquery_hook {_GCP}hooks.bigquery
airflow.contrib.hooks.cassandra_hook {_P}apache.cassandra.hooks.cassandra
airflow.contrib.hooks.databricks_hook {_P}databricks.hooks.databricks
airflow.contrib.hooks.datadog_hook {_P}datadog.hooks.datadog
airflow.contrib.hooks.discord_webhook_hook {_P}discord.hooks.discord_webhook
airflow.contrib.hooks.emr_hook {_AWS}hooks.emr
airflow.contrib.hooks.ftp_hook {_P}ftp.hooks.ftp
airflow.contrib.hooks.gcp_api_base_hook {_P}google.common.hooks.base_google GoogleCloudBaseHook=GoogleBaseHook
airflow.contrib.hooks.gcp_dataflow_hook {_GCP}hooks.dataflow DataFlowHook=DataflowHook
airflow.contrib.hooks.gcp_dataproc_hook {_GCP}hooks.dataproc DataProcHook=DataprocHook
airflow.contrib.hooks.gcp_pubsub_hook {_GCP}hooks.pubsub
airflow.contrib.hooks.gcp_sql_hook {_GCP}hooks.cloud_sql CloudSqlHook=CloudSQLHook CloudSqlDatabaseHook=CloudSQLDatabaseHook
airflow.contrib.hooks.gcs_hook {_GCP}hooks.gcs GoogleCloudStorageHook=GCSHook
airflow.contrib.hooks.gdrive_hook {_P}google.suite.hooks.drive
airflow.contrib.hooks.imap_hook {_P}imap.hooks.imap
airflow.contrib.hooks.jenkins_hook {_P}jenkins.hooks.jenkins
airflow.contrib.hooks.mongo_hook {_P}mongo.hooks.mongo
airflow.contrib.hooks.openfaas_hook {_P}openfaas.hooks.openfaas
airflow.contrib.hooks.redis_hook {_P}redis.hooks.redis
airflow.contrib.hooks.redshift_hook {_AWS}hooks.redshift_cluster
airflow.contrib.hooks.sagemaker_hook {_AWS}hooks.sagemaker
airflow.contrib.hooks.salesforce_hook {_P}salesforce.hooks.salesforce
airflow.contrib.hooks.sftp_hook {_P}sftp.hooks.sftp
airflow.contrib.hooks.slack_webhook_hook {_P}slack.hooks.slack_webhook
airflow.contrib.hooks.snowflake_hook {_P}snowflake.hooks.snowflake
airflow.contrib.hooks.spark_jdbc_hook {_P}apache.spark.hooks.spark_jdbc
airflow.contrib.hooks.spark_sql_hook {_P}apache.spark.hooks.spark_sql
airflow.contrib.hooks.spark_submit_hook {_P}apache.spark.hooks.spark_submit
airflow.contrib.hooks.ssh_hook {_P}ssh.hooks.ssh
airflow.contrib.hooks.vertica_hook {_P}vertica.hooks.vertica
airflow.contrib.hooks.wasb_hook {_AZURE}hooks.wasb
airflow.contrib.hooks.winrm_hook {_P}microsoft.winrm.hooks.winrm
airflow.operators.docker_operator {_P}docker.operators.docker
airflow.operators.hive_operator {_P}apache.hive.operators.hive
airflow.operators.http_operator {_SQL} @http
airflow.operators.jdbc_operator {_SQL} @common-sql,jdbc
airflow.operators.mssql_operator {_SQL} @common-sql,microsoft-mssql
airflow.operators.mysql_operator {_SQL} @common-sql,mysql
airflow.operators.oracle_operator {_SQL} @common-sql,oracle
airflow.operators.pig_operator {_P}apache.pig.operators.pig
airflow.operators.postgres_operator {_SQL} @common-sql,postgres
airflow.operators.presto_check_operator {_P}common.sql.operators.sql PrestoCheckOperator=SQLCheckOperator PrestoValueCheckOperator=SQLValueCheckOperator
airflow.operators.redshift_to_s3_operator {_AWS}transfers.redshift_to_s3 RedshiftToS3Transfer=RedshiftToS3Operator
airflow.operators.s3_to_redshift_operator {_AWS}transfers.s3_to_redshift S3ToRedshiftTransfer=S3ToRedshiftOperator
airflow.operators.slack_operator {_P}slack.operators.slack
airflow.operators.sql {_P}common.sql.operators.sql
airflow.operators.sqlite_operator {_SQL} @common-sql,sqlite
airflow.operators.check_operator {_P}common.sql.operators.sql CheckOperator=SQLCheckOperator ValueCheckOperator=SQLValueCheckOperator IntervalCheckOperator=SQLIntervalCheckOperator
airflow.operators.druid_check_operator {_P}common.sql.operators.sql DruidCheckOperator=SQLCheckOperator
airflow.operators.mysql_to_hive {_P}apache.hive.transfers.mysql_to_hive MySqlToHiveTransfer=MySqlToHiveOperator
airflow.operators.s3_file_transform_operator {_AWS}operators.s3
airflow.sensors.http_sensor {_P}http.sensors.http
airflow.sensors.sql {_P}common.sql.sensors.sql
airflow.sensors.sql_sensor {_P}common.sql.sensors.sql
airflow.sensors.s3_key_sensor {_AWS}sensors.s3
airflow.sensors.s3_prefix_sensor {_SQL} @amazon
airflow.sensors.web_hdfs_sensor {_P}apache.hdfs.sensors.web_hdfs
airflow.sensors.hive_partition_sensor {_P}apache.hive.sensors.hive_partition
airflow.contrib.operators.aws_athena_operator {_AWS}operators.athena AWSAthenaOperator=AthenaOperator
airflow.contrib.operators.awsbatch_operator {_AWS}operators.batch AWSBatchOperator=BatchOperator
airflow.contrib.operators.azure_container_instances_operator {_AZURE}operators.container_instances
airflow.contrib.operators.bigquery_check_operator {_GCP}operators.bigquery
airflow.contrib.operators.bigquery_get_data {_GCP}operators.bigquery
airflow.contrib.operators.bigquery_operator {_SQL} @google
airflow.contrib.operators.bigquery_table_delete_operator {_GCP}operators.bigquery BigQueryTableDeleteOperator=BigQueryDeleteTableOperator
airflow.contrib.operators.bigquery_to_bigquery {_GCP}transfers.bigquery_to_bigquery
airflow.contrib.operators.bigquery_to_gcs {_GCP}transfers.bigquery_to_gcs BigQueryToCloudStorageOperator=BigQueryToGCSOperator
airflow.contrib.operators.databricks_operator {_P}databricks.operators.databricks
airflow.contrib.operators.dataflow_operator {_GCP}operators.dataflow
airflow.contrib.operators.dataproc_operator {_GCP}operators.dataproc DataprocClusterCreateOperator=DataprocCreateClusterOperator DataprocClusterDeleteOperator=DataprocDeleteClusterOperator
airflow.contrib.operators.discord_webhook_operator {_P}discord.operators.discord_webhook
airflow.contrib.operators.ecs_operator {_AWS}operators.ecs ECSOperator=EcsRunTaskOperator
airflow.contrib.operators.emr_add_steps_operator {_AWS}operators.emr
airflow.contrib.operators.emr_create_job_flow_operator {_AWS}operators.emr
airflow.contrib.operators.emr_terminate_job_flow_operator {_AWS}operators.emr
airflow.contrib.operators.file_to_gcs {_GCP}transfers.local_to_gcs FileToGoogleCloudStorageOperator=LocalFilesystemToGCSOperator
airflow.contrib.operators.file_to_wasb {_AZURE}transfers.local_to_wasb FileToWasbOperator=LocalFilesystemToWasbOperator
airflow.contrib.operators.gcs_download_operator {_GCP}transfers.gcs_to_local GoogleCloudStorageDownloadOperator=GCSToLocalFilesystemOperator
airflow.contrib.operators.gcs_list_operator {_GCP}operators.gcs GoogleCloudStorageListOperator=GCSListObjectsOperator
airflow.contrib.operators.gcs_operator {_GCP}operators.gcs GoogleCloudStorageCreateBucketOperator=GCSCreateBucketOperator
airflow.contrib.operators.gcs_to_bq {_GCP}transfers.gcs_to_bigquery GoogleCloudStorageToBigQueryOperator=GCSToBigQueryOperator
airflow.contrib.operators.gcs_to_gcs {_GCP}transfers.gcs_to_gcs GoogleCloudStorageToGoogleCloudStorageOperator=GCSToGCSOperator
airflow.contrib.operators.kubernetes_pod_operator {_K8S}operators.pod
airflow.contrib.operators.mysql_to_gcs {_GCP}transfers.mysql_to_gcs MySqlToGoogleCloudStorageOperator=MySQLToGCSOperator
airflow.contrib.operators.postgres_to_gcs_operator {_GCP}transfers.postgres_to_gcs PostgresToGoogleCloudStorageOperator=PostgresToGCSOperator
airflow.contrib.operators.pubsub_operator {_GCP}operators.pubsub PubSubPublishOperator=PubSubPublishMessageOperator
airflow.contrib.operators.s3_copy_object_operator {_AWS}operators.s3
airflow.contrib.operators.s3_delete_objects_operator {_AWS}operators.s3
airflow.contrib.operators.s3_list_operator {_AWS}operators.s3
airflow.contrib.operators.s3_to_gcs_operator {_GCP}transfers.s3_to_gcs
airflow.contrib.operators.sagemaker_training_operator {_AWS}operators.sagemaker
airflow.contrib.operators.sftp_operator {_P}sftp.operators.sftp
airflow.contrib.operators.sftp_to_s3_operator {_AWS}transfers.sftp_to_s3
airflow.contrib.operators.slack_webhook_operator {_P}slack.operators.slack_webhook
airflow.contrib.operators.snowflake_operator {_SQL} @common-sql,snowflake
airflow.contrib.operators.sns_publish_operator {_AWS}operators.sns
airflow.contrib.operators.spark_jdbc_operator {_P}apache.spark.operators.spark_jdbc
airflow.contrib.operators.spark_sql_operator {_P}apache.spark.operators.spark_sql
airflow.contrib.operators.spark_submit_operator {_P}apache.spark.operators.spark_submit
airflow.contrib.operators.ssh_operator {_P}ssh.operators.ssh
airflow.contrib.operators.vertica_operator {_SQL} @common-sql,vertica
airflow.contrib.operators.winrm_operator {_P}microsoft.winrm.operators.winrm
airflow.contrib.secrets.aws_secrets_manager {_AWS}secrets.secrets_manager
airflow.contrib.secrets.aws_systems_manager {_AWS}secrets.systems_manager
airflow.contrib.secrets.gcp_secrets_manager {_GCP}secrets.secret_manager
airflow.contrib.sensors.aws_athena_sensor {_AWS}sensors.athena
airflow.contrib.sensors.aws_glue_catalog_partition_sensor {_AWS}sensors.glue_catalog_partition AwsGlueCatalogPartitionSensor=GlueCatalogPartitionSensor
airflow.contrib.sensors.aws_redshift_cluster_sensor {_AWS}sensors.redshift_cluster AwsRedshiftClusterSensor=RedshiftClusterSensor
airflow.contrib.sensors.aws_sqs_sensor {_AWS}sensors.sqs SQSSensor=SqsSensor
airflow.contrib.sensors.bigquery_sensor {_GCP}sensors.bigquery BigQueryTableSensor=BigQueryTableExistenceSensor
airflow.contrib.sensors.emr_job_flow_sensor {_AWS}sensors.emr
airflow.contrib.sensors.emr_step_sensor {_AWS}sensors.emr
airflow.contrib.sensors.ftp_sensor {_P}ftp.sensors.ftp
airflow.contrib.sensors.gcs_sensor {_GCP}sensors.gcs GoogleCloudStorageObjectSensor=GCSObjectExistenceSensor GoogleCloudStoragePrefixSensor=GCSObjectsWithPrefixExistenceSensor
airflow.contrib.sensors.imap_attachment_sensor {_P}imap.sensors.imap_attachment
airflow.contrib.sensors.mongo_sensor {_P}mongo.sensors.mongo
airflow.contrib.sensors.pubsub_sensor {_GCP}sensors.pubsub
airflow.contrib.sensors.redis_key_sensor {_P}redis.sensors.redis_key
airflow.contrib.sensors.sagemaker_training_sensor {_AWS}sensors.sagemaker
airflow.contrib.sensors.sftp_sensor {_P}sftp.sensors.sftp
airflow.contrib.sensors.wasb_sensor {_AZURE}sensors.wasb
airflow.contrib.kubernetes.secret {_K8S}secret
airflow.kubernetes.secret {_K8S}secret
airflow.kubernetes.pod_generator {_K8S}pod_generator
{_K8S}operators.kubernetes_pod {_K8S}operators.pod
{_AWS}hooks.aws_dynamodb {_AWS}hooks.dynamodb AwsDynamoDBHook=DynamoDBHook
{_AWS}hooks.redshift {_AWS}hooks.redshift_sql
{_AWS}operators.aws_lambda {_AWS}operators.lambda_function AwsLambdaInvokeFunctionOperator=LambdaInvokeFunctionOperator
{_AWS}operators.emr_add_steps {_AWS}operators.emr
{_AWS}operators.emr_create_job_flow {_AWS}operators.emr
{_AWS}operators.emr_terminate_job_flow {_AWS}operators.emr
{_AWS}operators.redshift {_SQL} @common-sql,amazon
{_AWS}operators.redshift_sql {_SQL} @common-sql,amazon
{_AWS}operators.s3_bucket {_AWS}operators.s3
{_AWS}operators.s3_copy_object {_AWS}operators.s3
{_AWS}operators.s3_delete_objects {_AWS}operators.s3
{_AWS}operators.s3_file_transform {_AWS}operators.s3
{_AWS}operators.s3_list {_AWS}operators.s3
{_AWS}sensors.emr_job_flow {_AWS}sensors.emr
{_AWS}sensors.emr_step {_AWS}sensors.emr
{_AWS}sensors.s3_key {_AWS}sensors.s3
{_AWS}sensors.s3_prefix {_SQL} @amazon
{_GCP}operators.cloud_storage_transfer {_GCP}operators.cloud_storage_transfer_service
{_P}jdbc.operators.jdbc {_SQL} @common-sql,jdbc
{_P}microsoft.mssql.operators.mssql {_SQL} @common-sql,microsoft-mssql
{_P}mysql.operators.mysql {_SQL} @common-sql,mysql
{_P}oracle.operators.oracle {_SQL} @common-sql,oracle
{_P}postgres.operators.postgres {_SQL} @common-sql,postgres
{_P}sqlite.operators.sqlite {_SQL} @common-sql,sqlite
{_P}trino.operators.trino {_SQL} @common-sql,trino
{_P}vertica.operators.vertica {_SQL} @common-sql,vertica
"""

GONE = {
    _P + "http.operators.http": {"SimpleHttpOperator": f"{_P}http.operators.http:HttpOperator"},
    _P + "snowflake.operators.snowflake": {"SnowflakeOperator": f"{_SQL}:SnowflakeOperator"},
    _P + "amazon.aws.sensors.s3": {"S3PrefixSensor": f"{_SQL}:S3PrefixSensor"},
    _P + "amazon.aws.operators.ecs": {"EcsOperator": f"{_AWS}operators.ecs:EcsRunTaskOperator"},
    _P + "amazon.aws.operators.glue": {"AwsGlueJobOperator": f"{_AWS}operators.glue:GlueJobOperator"},
    _P + "amazon.aws.operators.batch": {"AwsBatchOperator": f"{_AWS}operators.batch:BatchOperator"},
    _P + "amazon.aws.sensors.sqs": {"SQSSensor": f"{_AWS}sensors.sqs:SqsSensor"},
    _P + "amazon.aws.operators.sqs": {"SQSPublishOperator": f"{_AWS}operators.sqs:SqsPublishOperator"},
    _P + "amazon.aws.hooks.sns": {"AwsSnsHook": f"{_AWS}hooks.sns:SnsHook"},
    _P + "google.cloud.operators.bigquery": {
        "BigQueryExecuteQueryOperator": f"{_SQL}:BigQueryExecuteQueryOperator",
        "BigQueryCreateEmptyTableOperator": f"{_SQL}:BigQueryCreateEmptyTableOperator",
    },
}
"""Names that modules of today's packages no longer have, and what answers instead."""


class Moved:
    """Where a module's names are today; ``packages`` have to be installed for them."""

    def __init__(self, line: str) -> None:
        self.old, self.modern, *rest = line.split()
        self.renamed = dict(each.split("=") for each in rest if "=" in each)
        self.packages = tuple(rest[0][1:].split(",")) if rest and rest[0].startswith("@") else ()


@cache
def moved() -> dict[str, Moved]:
    """Return the table by old module."""
    lines = _LINES.strip().splitlines() + LINES.strip().splitlines()
    return {each.old: each for each in map(Moved, lines)}
