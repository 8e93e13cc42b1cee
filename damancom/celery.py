"""The Celery application, its queues and the whole schedule. Each scheduled task is safe to run twice."""

import os

from celery import Celery
from celery.schedules import crontab
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "damancom.settings.base")
# Checks run with the migrations, before any worker starts; here they would load every page, 25 MB, for nothing.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("damancom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# default: short work; files: parsing and checking what employers and banks send; money: posting and allocation.
app.conf.task_queues = [Queue("default"), Queue("files"), Queue("money")]
# Tasks that are not named here go to "default".
app.conf.task_routes = {
    "declarations.tasks.check_file": {"queue": "files"},
    "payments.tasks.import_bank_file": {"queue": "files"},
    "certificates.tasks.draw_paper": {"queue": "files"},
    "certificates.tasks.draw_receipts": {"queue": "files"},
    "damancom.tasks.make_copy": {"queue": "files"},
    "payments.tasks.issue_slips": {"queue": "money"},
    "payments.tasks.write_debit_run": {"queue": "money"},
    "payments.tasks.care_for_debits": {"queue": "money"},
    "payments.tasks.assess_surcharges": {"queue": "money"},
    "payments.tasks.assess_filing_penalties": {"queue": "money"},
    "payments.tasks.watch_graces": {"queue": "money"},
    "payments.tasks.tell_credits": {"queue": "money"},
}
# Each entry on its own lines, so that two rooms can add theirs at once.
app.conf.beat_schedule = {
    "seal the trace": {
        "task": "portal.tasks.seal_trace",
        "schedule": 10.0,
    },
    "forget what is past its time": {
        "task": "damancom.tasks.purge",
        "schedule": crontab(hour=3, minute=40),
    },
    # Often and cheap (a partial index): a letter leaves within seconds of what it tells.
    "send the mails that are due": {
        "task": "portal.tasks.send_mails",
        "schedule": 5.0,
    },
    # At fixed hours: how long an answer takes must tell nothing about the person.
    "give plain registration numbers": {
        "task": "affiliates.tasks.issue_plain_numbers",
        "schedule": crontab(hour="8,12,16", minute=5),
    },
    "work out missing keys of names": {
        "task": "affiliates.tasks.fill_name_keys",
        "schedule": crontab(minute=25),
    },
    "check waiting declaration files": {
        "task": "declarations.tasks.sweep_files",
        "schedule": 30.0,
    },
    "remind of the due day": {
        "task": "declarations.tasks.send_reminders",
        "schedule": crontab(hour="8,12,17", minute=20),
    },
    "give their number to people declared without one": {
        "task": "declarations.tasks.reattach_lines",
        "schedule": 60.0,
    },
    "remind those who never declared": {
        "task": "declarations.tasks.nudge_silent_affiliates",
        "schedule": crontab(hour=9, minute=40),
    },
    "issue the prefills of the month": {
        "task": "declarations.tasks.issue_prefills",
        "schedule": crontab(minute="*/10"),
    },
    "end certificates that a later declaration contradicts": {
        "task": "certificates.tasks.supersede_outdated",
        "schedule": crontab(minute="*/5"),
    },
    "notice bulk reading and issuing": {
        "task": "certificates.tasks.watch_usage",
        "schedule": crontab(minute="*/5"),
    },
    "draw the long lists that wait": {
        "task": "certificates.tasks.sweep_papers",
        "schedule": 30.0,
    },
    "draw the receipts that wait": {
        "task": "certificates.tasks.sweep_receipts",
        "schedule": 30.0,
    },
    "make the copies of data that wait": {
        "task": "damancom.tasks.sweep_copies",
        "schedule": 30.0,
    },
    # Often and cheap (a partial index): a slip appears within seconds of the submission.
    "issue the slips that are due": {
        "task": "payments.tasks.issue_slips",
        "schedule": 2.0,
    },
    "check waiting bank files": {
        "task": "payments.tasks.sweep_bank_files",
        "schedule": 30.0,
    },
    "copy the head of the trace outside the database": {
        "task": "portal.tasks.keep_audit_head",
        "schedule": crontab(hour=1, minute=15),
    },
    "measure the signs of risk": {
        "task": "disputes.tasks.measure_risks",
        "schedule": crontab(hour=4, minute=20),
    },
    # Before the agencies open: what ran out yesterday is on the desk of the supervisors in the morning.
    "escalate the disputes that are late": {
        "task": "disputes.tasks.escalate_late_disputes",
        "schedule": crontab(hour=6, minute=40),
    },
    "care for the debits": {
        "task": "payments.tasks.care_for_debits",
        "schedule": 60.0,
    },
    "assess surcharges": {
        "task": "payments.tasks.assess_surcharges",
        "schedule": crontab(hour=2, minute=10),
    },
    # After the surcharges of the night: a plan that is broken is then up to date.
    "watch the plans": {
        "task": "payments.tasks.watch_graces",
        "schedule": crontab(hour=3, minute=5),
    },
    "tell of credits": {
        "task": "payments.tasks.tell_credits",
        "schedule": crontab(minute=25),
    },
    # After the 10th, when a month falls due and a further month of lateness starts.
    "assess filing penalties": {
        "task": "payments.tasks.assess_filing_penalties",
        "schedule": crontab(day_of_month=12, hour=2, minute=40),
    },
}
