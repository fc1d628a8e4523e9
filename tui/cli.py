"""The command line: one face over core, beside the app.

Only click is imported before a command runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click

from tui.commands import classes, data, help, labeling, learning, trust
from tui.commands import setup as setting_up
from tui.commands.console import agrees_now, end, open_app, workspace_option, workspace_root
from tui.commands.exit_codes import ExitCode

CONTEXT = {"help_option_names": ["-h", "--help"]}


@click.group(
    invoke_without_command=True, context_settings=CONTEXT, epilog="Example: labelpilot demo"
)
@click.version_option(package_name="labelpilot")
@workspace_option
@click.option(
    "--read-only",
    is_flag=True,
    help="Only look: nothing is written to Label Studio, the workspace or any other folder. For "
    "commands too, before their name; LABELPILOT_READ_ONLY=1 does the same.",
)
@click.pass_context
def cli(context: click.Context, root: Path | None, read_only: bool) -> None:
    """From a folder of images to a labeled training set, on top of Label Studio.

    Without a command: the app, on the workspace here.
    """
    from core.read_only import begin, begin_if_asked

    (begin if read_only else begin_if_asked)()
    context.obj = root
    if context.invoked_subcommand is None:
        open_app(workspace_root(root))


for command in (
    setting_up.demo,
    help.help_,
    setting_up.doctor,
    setting_up.setup,
    setting_up.server,
    setting_up.token,
    trust.trust,
    setting_up.move_database,
    data.sync,
    data.repair,
    data.tidy,
    data.export,
    data.diff,
    data.report,
    data.restore,
    classes.classes,
    labeling.open_,
    labeling.label,
    labeling.conflicts,
    labeling.people,
    learning.active_learning,
    learning.rounds,
    learning.replay,
    learning.suspects,
    learning.embed,
    learning.forecast,
    learning.watch,
    learning.hooks,
):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command line; an error becomes a sentence and an exit code.

    What was refused for want of a consent is run again once that is given.
    """
    while True:
        try:
            code = cli.main(standalone_mode=False)
            break
        except (Exception, KeyboardInterrupt) as error:
            if not agrees_now(error):
                end(error)
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)


if __name__ == "__main__":
    main()
