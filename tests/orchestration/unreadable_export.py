"""Print what Dagster's code location still does while the export can't be read: what it knows, and what it refuses."""

import json
import sys
from datetime import datetime

import dagster as dg

from orchestration.definitions import defs
from orchestration.jobs import features
from orchestration.partitions import DAILY, range_tags
from orchestration.resources import SETTINGS, SOURCE
from orchestration.schedules import daily

day = SOURCE.last
asked_at = datetime(day.year, day.month, day.day, 14, tzinfo=SETTINGS.zone)
with dg.instance_for_test() as instance:
    context = dg.build_schedule_context(instance, asked_at, repository_def=defs.get_repository_def())
    tick = daily.evaluate_tick(context)
    job = defs.resolve_job_def(features.name)
    ran = job.execute_in_process(instance=instance, tags=range_tags(day, day), raise_on_error=False)
    failed = {
        event.step_key: event.step_failure_data.user_failure_data.description
        for event in ran.get_step_failure_events()
        if event.step_failure_data.user_failure_data
    }
told = {"days": list(DAILY.get_partition_keys()), "tick": tick.skip_message, "failed": failed}
sys.stdout.write(json.dumps(told) + "\n")
