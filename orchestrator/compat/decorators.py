"""The functions behind ``@task.bash`` and its kin, by the names of the modules that Airflow keeps them in."""

from __future__ import annotations

from orchestrator.sdk import decorators

task = decorators.task
setup_task, teardown_task = decorators.setup, decorators.teardown
python_task, bash_task, sensor_task = task.python, task.bash, task.sensor
branch_task, short_circuit_task = task.branch, task.short_circuit
virtualenv_task, external_python_task = task.virtualenv, task.external_python
branch_virtualenv_task, branch_external_python_task = task.branch_virtualenv, task.branch_external_python
run_if, skip_if = task.run_if, task.skip_if
