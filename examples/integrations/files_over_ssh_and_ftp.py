"""A command on another machine makes a file, which is fetched from there and laid on an FTP server.

Packages: ssh, sftp, ftp. Connections: ``ssh_default``, ``sftp_default``, ``ftp_default``.
"""

import tempfile

from airflow.providers.ftp.operators.ftp import FTPFileTransmitOperator, FTPOperation
from airflow.providers.ftp.sensors.ftp import FTPSensor
from airflow.providers.sftp.operators.sftp import SFTPOperation, SFTPOperator
from airflow.providers.sftp.sensors.sftp import SFTPSensor
from airflow.providers.ssh.operators.ssh import SSHOperator
from airflow.sdk import DAG, Param

with DAG(
    "files_over_ssh_and_ftp",
    tags=["providers", "ssh", "ftp"],
    params={"folder": Param("/tmp", type="string", description="Where the command writes, on the other machine")},
) as dag:
    here = tempfile.gettempdir() + "/{{ run_id | replace(':', '') | replace('+', '') }}.csv"
    make = SSHOperator(
        task_id="make",
        ssh_conn_id="ssh_default",
        command="echo 'item,count\npen,3' > {{ params.folder }}/report.csv && cat {{ params.folder }}/report.csv",
        cmd_timeout=30,
    )
    is_there = SFTPSensor(
        task_id="is_there",
        sftp_conn_id="sftp_default",
        path="{{ params.folder }}/report.csv",
        poke_interval=1,
        timeout=30,
    )
    is_there_deferred = SFTPSensor(
        task_id="is_there_deferred",
        sftp_conn_id="sftp_default",
        path="{{ params.folder }}",
        file_pattern="*.csv",
        poke_interval=1,
        timeout=30,
        deferrable=True,
    )
    fetch = SFTPOperator(
        task_id="fetch",
        ssh_conn_id="sftp_default",
        local_filepath=here,
        remote_filepath="{{ params.folder }}/report.csv",
        operation=SFTPOperation.GET,
    )
    put = FTPFileTransmitOperator(
        task_id="put",
        ftp_conn_id="ftp_default",
        local_filepath=here,
        remote_filepath="/report.csv",
        operation=FTPOperation.PUT,
    )
    arrived = FTPSensor(task_id="arrived", ftp_conn_id="ftp_default", path="/report.csv", poke_interval=1, timeout=30)
    make >> [is_there, is_there_deferred] >> fetch >> put >> arrived
