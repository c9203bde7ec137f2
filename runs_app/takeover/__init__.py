"""Taking an Airflow installation over: what its files or its database hold becomes ours, all of it or nothing."""
