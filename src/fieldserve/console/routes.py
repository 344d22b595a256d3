"""All pages of the console, as one application. Imported when the first of them is asked for."""

from starlette.applications import Starlette
from starlette.types import ASGIApp

from fieldserve.console import (
    account,
    applications,
    assets,
    board,
    capacity,
    comparison,
    demand,
    developers,
    job,
    jobs,
    live,
    my_day,
    payments,
    performance,
    plans,
    privacy,
    sandbox,
    saved_views,
    settings,
    sign_in,
    today,
    webhooks,
)
from fieldserve.operations.run import Context

ROUTES = [
    *assets.ROUTES,
    *sign_in.ROUTES,
    *account.ROUTES,
    *my_day.ROUTES,
    *today.ROUTES,
    *board.ROUTES,
    *jobs.ROUTES,
    *job.ROUTES,
    *comparison.ROUTES,
    *plans.ROUTES,
    *capacity.ROUTES,
    *performance.ROUTES,
    *payments.ROUTES,
    *demand.ROUTES,
    *developers.ROUTES,
    *webhooks.ROUTES,
    *sandbox.ROUTES,
    *applications.ROUTES,
    *privacy.ROUTES,  # before settings, whose lists have any name
    *settings.ROUTES,
    *saved_views.ROUTES,
    *live.ROUTES,
    sign_in.MISSING,
]


def application(context: Context, controls: sandbox.Controls | None = None) -> ASGIApp:
    """The console on a context that is open; with the controls of the sandbox where the server is one."""
    made = Starlette(routes=ROUTES)
    made.state.context = context
    made.state.sandbox = controls
    made.state.changes = live.Changes(context)
    return made
