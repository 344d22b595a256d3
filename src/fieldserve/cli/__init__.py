"""The command line. A command's module is imported only when the command is used, so that `--help` answers at once."""

import importlib
import sys
from typing import Any, NoReturn

try:
    import click
except ModuleNotFoundError:  # `pip install fieldserve` brings the client alone, and this command with it
    sys.exit("fieldserve: the server is not installed, only the client; pip install 'fieldserve[server]'")

# Command → the module that has it, under the command's name, and one line of help.
COMMANDS = {
    "serve": ("fieldserve.cli.serve", "Serve the API."),
    "demo": ("fieldserve.cli.demo", "Serve a demo world that is ready to be called."),
    "tour": ("fieldserve.cli.tour", "Walk one service job through its life, step by step."),
    "migrate": ("fieldserve.cli.migrate", "Bring the database to this version's schema."),
    "sellers": ("fieldserve.cli.operate", "Add and list sellers."),
    "stores": ("fieldserve.cli.operate", "Add and list stores."),
    "technicians": ("fieldserve.cli.operate", "Add and list technicians."),
    "services": ("fieldserve.cli.operate", "Add and list services."),
    "orders": ("fieldserve.cli.operate", "Place orders for service jobs, hold, release or cancel them."),
    "feedback": ("fieldserve.cli.feedback", "Import what buyers said of jobs: stars and claims."),
    "applications": ("fieldserve.cli.operate", "Register applications and authorize them."),
    "users": ("fieldserve.cli.users", "Let people use the console."),
    "keys": ("fieldserve.cli.operate", "Make and revoke keys of the operator API."),
    "sync": ("fieldserve.cli.sync", "Mirror a seller's jobs that live elsewhere."),
    "outbox": ("fieldserve.cli.sync", "Look after what goes out to where mirrored jobs live."),
    "plan": ("fieldserve.cli.plan", "Plan who drives where, and when; compare, apply, undo, export."),
    "requests": ("fieldserve.cli.requests", "Search, lint and replay what the request log holds."),
    "webhooks": ("fieldserve.cli.webhooks", "Have events of jobs sent to a URL, and see what became of them."),
    "export": ("fieldserve.cli.export", "Write the facts where a warehouse reads: Parquet, CSV or JSON by day."),
    "report": ("fieldserve.cli.report", "Report on technicians, targets, payments and demand; try another schedule."),
    "backup": ("fieldserve.cli.backup", "Write database and documents into a file, while the server runs."),
    "restore": ("fieldserve.cli.backup", "Put a backup back."),
    "privacy": ("fieldserve.cli.privacy", "Export and erase buyers' personal data."),
}


class Commands(click.Group):
    """A group that knows its commands' names and help, and imports one when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in COMMANDS.items()])


def version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    """Print the version and end."""
    if asked and not ctx.resilient_parsing:
        import fieldserve

        click.echo(f"fieldserve {fieldserve.__version__}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, callback=version, expose_value=False, is_eager=True, help="Print the version.")
def cli() -> None:
    """fieldserve: the open Services API, with real state behind it.

    Settings come from FIELDSERVE_… environment variables; options win over them.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line. What a user can mend is told in a line, without a trace."""
    from fieldserve.config import SettingFault

    try:
        return cli.main(arguments, prog_name="fieldserve")
    except SettingFault as fault:
        fail(str(fault))


def fail(message: str) -> NoReturn:
    """End with a message for the person at the terminal."""
    click.secho(f"fieldserve: {message}", fg="red", err=True)
    sys.exit(2)
