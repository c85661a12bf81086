"""A DAG that loads the HubSpot threads of many accounts, with one mapped task per account.

`accounts.json` next to this file (or the file that HUBSPOT_ACCOUNTS names) is a list of

    {"name": "acme", "connection": "hubspot_acme", "settings": {"inbox_ids": ["481939"]}}

`connection` is the ID of an Airflow connection. Its password is the access token. For OAuth, its
extra has client_id, client_secret and refresh_token instead. The worker looks up the connection
when it loads the account, so the secret never appears in the list or in a rendered template.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import DAG, BaseOperator, Connection, RetryDecision, RetryPolicy, task

if TYPE_CHECKING:
    from airflow.sdk import Context

HERE = Path(__file__).parent
LIST = Path(os.environ.get("HUBSPOT_ACCOUNTS", HERE / "accounts.json"))
PYTHON = os.environ.get("HUBSPOT_PYTHON", "python3")
"""Path of the Python that has the tap and the target installed. Not Airflow's own Python."""
RETRY_DELAY = timedelta(seconds=float(os.environ.get("HUBSPOT_RETRY_SECONDS", "900")))
EXIT_USAGE, EX_TEMPFAIL, EX_CONFIG = 2, 75, 78


class LoadError(Exception):
    """An account was not loaded completely. The exit code determines whether to retry."""

    def __init__(self, exit_code: int, last_line: str) -> None:
        super().__init__(last_line)
        self.exit_code = exit_code


class ByExitCode(RetryPolicy):
    """Retries after 75, fails after 78 or 2, and otherwise follows the task's `retries`."""

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002 - the policy's interface
        max_tries: int,  # noqa: ARG002 - the policy's interface
        context: Context | None = None,  # noqa: ARG002 - the policy's interface
    ) -> RetryDecision:
        """Decide by the exit code alone."""
        code = getattr(exception, "exit_code", None)
        if code == EX_TEMPFAIL:
            return RetryDecision.retry(delay=RETRY_DELAY, reason=str(exception))
        if code in {EXIT_USAGE, EX_CONFIG}:
            return RetryDecision.fail(reason=str(exception))
        return RetryDecision.default()


class LoadAccount(BaseOperator):
    """Runs `run_account.py` for one account, with the secrets of that account only."""

    def __init__(self, *, account: dict[str, Any], **options: Any) -> None:  # noqa: ANN401 - a task's
        super().__init__(**options)
        self.account = account

    @cached_property
    def _hook(self) -> SubprocessHook:
        return SubprocessHook()

    def execute(self, context: Context) -> None:  # noqa: ARG002 - the operator's interface
        """Load the account.

        Raises:
            LoadError: if the exit code is not 0.
        """
        name = self.account["name"]
        command = [PYTHON, str(HERE / "run_account.py"), name]
        result = self._hook.run_command(command, env=self._environment())
        if result.exit_code:
            raise LoadError(result.exit_code, result.output)

    def on_kill(self) -> None:
        """Stop the run with SIGTERM: the tap writes its STATE and ends."""
        self._hook.send_sigterm()

    def _environment(self) -> dict[str, str]:
        name, connection = self.account["name"], Connection.get(self.account["connection"])
        secrets = connection.extra_dejson
        if connection.password:
            secrets["access_token"] = connection.password
        settings = self.account.get("settings", {}) | secrets
        removed = ("AIRFLOW_", "TAP_HUBSPOT_THREADS_")
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith(removed)},
            **{f"TAP_HUBSPOT_THREADS_{key.upper()}": as_text(settings[key]) for key in settings},
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": f"hubspot_{name}",
        }


def as_text(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return the value of a setting as an environment variable: JSON unless it is a string."""
    return value if isinstance(value, str) else json.dumps(value)


with DAG(
    "hubspot_threads",
    schedule=timedelta(minutes=15),
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=4,  # so that an account that waits for a retry does not delay the others
):

    @task
    def accounts() -> list[dict[str, Any]]:
        """Read the list of accounts at each run."""
        return json.loads(LIST.read_text(encoding="utf-8"))

    LoadAccount.partial(
        task_id="load",
        map_index_template="{{ task.account['name'] }}",
        retries=2,
        retry_policy=ByExitCode(),
        max_active_tis_per_dagrun=4,
    ).expand(account=accounts())
