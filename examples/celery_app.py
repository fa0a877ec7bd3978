"""Celery tasks in forked workers:  celery --app examples.celery_app worker --pool prefork"""

import os

from celery import Celery

from .prefork import worker

app = Celery("examples", broker=os.environ.get("CELERY_BROKER"), backend=os.environ.get("CELERY_BACKEND"))
if folder := os.environ.get("CELERY_FOLDER"):  # a broker of files, for trying it out without a server
    app.conf.broker_transport_options = {
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": folder,
    }


@app.task
def answer(question: str) -> dict[str, str]:
    """Answers a question."""
    found = worker.complete(question, route="chat")
    return {"text": found.text, "target": found.target}
