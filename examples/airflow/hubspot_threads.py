"""HubSpot's threads of many accounts: a DAG that maps over a list, without code for any of them.

`accounts.json` beside this file (or what HUBSPOT_ACCOUNTS names) is a list of

    {"name": "acme", "connection": "hubspot_acme", "settings": {"inbox_ids": ["481939"]}}

The connection is Airflow's: its password is the access token (or its extra has OAuth's client_id,
client_secret and refresh_token). It is looked up by the worker when the account is loaded, so the
secret is in no list, no rendered template and no database of Airflow's that did not have it before.
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
"""That of the environment in which tap and target are installed, which is not Airflow's."""
LATER = timedelta(seconds=float(os.environ.get("HUBSPOT_RETRY_SECONDS", "900")))
TRY_LATER, WRONG_CALL, MEND = 75, 2, 78


class LoadError(Exception):
    """An account was not loaded, or not all of it; the exit code says what to do."""

    def __init__(self, exit_code: int, last_line: str) -> None:
        super().__init__(last_line)
        self.exit_code = exit_code


class ByExitCode(RetryPolicy):
    """75 is tried again later, 78 and 2 are not, the rest is as the task says (`retries`)."""

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002 - the policy's interface
        max_tries: int,  # noqa: ARG002 - likewise
        context: Context | None = None,  # noqa: ARG002 - likewise
    ) -> RetryDecision:
        """Decide by the exit code, and by nothing else."""
        code = getattr(exception, "exit_code", None)
        if code == TRY_LATER:
            return RetryDecision.retry(delay=LATER, reason=str(exception))
        if code in {WRONG_CALL, MEND}:
            return RetryDecision.fail(reason=str(exception))
        return RetryDecision.default()


class LoadAccount(BaseOperator):
    """Runs `run_account.py` for one account, with that account's secrets and no other's."""

    def __init__(self, *, account: dict[str, Any], **options: Any) -> None:  # noqa: ANN401 - a task's
        super().__init__(**options)
        self.account = account

    @cached_property
    def _hook(self) -> SubprocessHook:
        return SubprocessHook()

    def execute(self, context: Context) -> None:  # noqa: ARG002 - the operator's interface
        """Load it.

        Raises:
            LoadError: if that ended with another exit code than 0.
        """
        name = self.account["name"]
        command = [PYTHON, str(HERE / "run_account.py"), name]
        result = self._hook.run_command(command, env=self._environment())
        if result.exit_code:
            raise LoadError(result.exit_code, result.output)

    def on_kill(self) -> None:
        """Have the tap write its STATE and end."""
        self._hook.send_sigterm()

    def _environment(self) -> dict[str, str]:
        name, connection = self.account["name"], Connection.get(self.account["connection"])
        secrets = connection.extra_dejson
        if connection.password:
            secrets["access_token"] = connection.password
        given = self.account.get("settings", {}) | secrets
        others = ("AIRFLOW_", "TAP_HUBSPOT_THREADS_")
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith(others)},
            **{f"TAP_HUBSPOT_THREADS_{key.upper()}": as_text(given[key]) for key in given},
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": f"hubspot_{name}",
        }


def as_text(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return a setting as the environment has it: lists, numbers and the like as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


with DAG(
    "hubspot_threads",
    schedule=timedelta(minutes=15),
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=4,  # an account that waits to be tried again holds no other one up
):

    @task
    def accounts() -> list[dict[str, Any]]:
        """Read the list anew in each run."""
        return json.loads(LIST.read_text(encoding="utf-8"))

    LoadAccount.partial(
        task_id="load",
        map_index_template="{{ task.account['name'] }}",
        retries=2,
        retry_policy=ByExitCode(),
        max_active_tis_per_dagrun=4,
    ).expand(account=accounts())
