"""The command line: torusflow demo, fit, check, resume, plot, report, animate, compare, info, sample and others."""

from __future__ import annotations

import signal
import sys
import warnings

import click

from ..errors import TorusflowError
from ..interrupts import SIGNALS
from .animate import animate
from .demo import demo
from .description import wrap
from .fits import check, fit
from .processes import Processes, started
from .report import report
from .resume import export, refine, resume
from .runs import compare, info, plot, sample, score
from .terminal import forgiving_output
from .torsions import torsions

# By all processes, where there are several; all else the first one does alone.
SHARED = (fit, check, resume)


class Commands(click.Group):
    """Turns the package's own errors into one sentence and exit code 2, and its warnings into one sentence each."""

    def main(self, *args, **kwargs):
        processes = started()
        with forgiving_output(silent=not processes.is_first) as refusal:
            try:
                return super().main(*args, obj=processes, **kwargs)
            except SystemExit as end:
                if (refused := refusal()) and not end.code:
                    reason = (refused.strerror or str(refused)).lower()
                    click.echo(f"torusflow: the output could not be written: {reason}.", err=True)
                    sys.exit(1)
                raise

    def resolve_command(self, context, args):
        name, command, rest = super().resolve_command(context, args)
        if command not in SHARED and not context.resilient_parsing:
            if not context.obj.is_first:
                context.exit(0)
            context.obj = Processes()
        return name, command, rest

    def invoke(self, context):
        said = set()

        def say(message, *rest):
            if str(message) not in said:
                click.echo(wrap(f"torusflow: {message}"), err=True)
            said.add(str(message))

        try:
            with warnings.catch_warnings():
                if sys.warnoptions:  # PYTHONWARNINGS=error would end the work; here a warning is a sentence
                    rules = [("default" if action == "error" else action, *rest) for action, *rest in warnings.filters]
                    warnings.filters[:] = rules  # pyright: ignore[reportIndexIssue]  # a list, whatever its stub says
                warnings.showwarning = say
                return self._alike(context)
        except TorusflowError as error:
            click.echo(f"torusflow: {error}", err=True)
            context.exit(2)
        except KeyboardInterrupt:
            click.echo("torusflow: interrupted.", err=True)
            context.exit(128 + signal.SIGINT)
        except MemoryError:
            click.echo("torusflow: not enough memory. Use a coarser grid, fewer layers or fewer substeps.", err=True)
            context.exit(2)

    def _alike(self, context):
        """Invoke the command; what one of several processes raises alone is said, and ends all."""
        try:
            return super().invoke(context)
        except click.exceptions.Exit:  # also of those that leave the command to the first one
            raise
        except BaseException as error:
            context.obj.agree(error)
            raise


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(package_name="torusflow", prog_name="torusflow")
def main():
    """Fit densities on the torus by gradient descent on flows."""


COMMANDS = (fit, check, resume, refine, export, plot, report, animate, compare, info, sample, score, torsions, demo)

for command in COMMANDS:
    main.add_command(command)


def run():
    """The command as a process of its own: it shows no tracebacks, and lets no signal in as it leaves."""
    sys.unraisablehook = lambda unraisable: None  # of destructors, of what an interrupt has left half made
    try:
        main()
    except KeyboardInterrupt:  # before the command has begun
        sys.exit(128 + signal.SIGINT)
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
