"""Build the tables of a day when Millrace says that the day is complete.

The sensor waits for dt=<day>/_SUCCESS in the lake, which appears once, behind the last file of the day. The connection
fs_default has the directory that the job's sink writes to (its extra: {"path": "/data/flights_daily"}). A day without a
flight has no directory: the sensor gives up after its timeout, softly, and skips the day.
"""

from __future__ import annotations

import datetime
import json
import pathlib

from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator
from airflow.sensors.filesystem import FileSensor

LAKE = pathlib.Path("/data/flights_daily")


def check_late(day: str) -> None:
    """Say how much came behind the marker, as happens when a flush was reopened."""
    directory = LAKE / f"dt={day}"
    done = json.loads((directory / "_SUCCESS").read_text())
    late = [json.loads(p.read_text()) for p in sorted(directory.glob("_LATE-*"))]
    print(f"{day}: {done['rows']} rows in {done['files']} files, complete at watermark {done['watermark']}")
    print(f"{day}: {sum(m['rows'] for m in late)} rows came later, in {len(late)} batches")


with DAG(
    dag_id="flights_daily",
    schedule="@daily",
    start_date=datetime.datetime(2001, 1, 1),
    catchup=False,
    max_active_runs=1,
):
    complete = FileSensor(
        task_id="day_is_complete",
        filepath="dt={{ ds }}/_SUCCESS",
        poke_interval=60,
        timeout=6 * 60 * 60,
        mode="reschedule",
        soft_fail=True,
    )
    late = PythonOperator(task_id="check_late", python_callable=check_late, op_args=["{{ ds }}"])
    build = BashOperator(
        task_id="dbt_build",
        bash_command="cd /opt/dbt && dbt build --select source:lake+ --vars '{day: {{ ds }}}'",
    )
    complete >> late >> build
