"""The steps that make the project: the project itself, its labeling config and its sampling."""

from __future__ import annotations

from core.errors import ConfigurationError, StudioRefused
from core.progress import Progress, Work
from core.setup.context import Setup, Step, StepState
from core.studio.client.projects import SAMPLINGS


def _probe_project(setup: Setup) -> tuple[StepState, str]:
    project = setup.project
    if project is None:
        return "to do", f"no project {setup.workspace.project.title!r}"
    return "done", f"{project.title}, number {project.id}, {project.tasks:,} tasks"


def _apply_project(setup: Setup) -> Work[None]:
    yield Progress("project")
    if setup.project is None:
        setup.client.create_project(setup.workspace.project.title)


PROJECT = Step(
    id="project",
    title="Project",
    why="A project holds the images, their labels and the labeling config.",
    needs="token",
    probe=_probe_project,
    apply=_apply_project,
)


def _probe_config(setup: Setup) -> tuple[StepState, str]:
    project = setup.opened.remote
    labels = ", ".join(setup.config.labels[:8]) + (" …" if len(setup.config.labels) > 8 else "")
    detail = f"labels: {labels}" if labels else "no fixed labels"
    if _same_text(project.label_config, setup.config.text):
        return "done", detail
    if not project.has_config:
        return "to do", f"not set yet; {detail}"
    name = setup.workspace.relative(setup.workspace.project.label_config)
    return "part", f"the project has another one than {name}"


def _apply_config(setup: Setup) -> Work[None]:
    yield Progress("labeling-config")
    project = setup.opened.remote
    text = setup.config.text
    if _same_text(project.label_config, text):
        return
    try:
        setup.client.validate_config(project.id, text)
        setup.client.update_project(project.id, {"label_config": text})
    except StudioRefused as error:
        if error.status in (401, 403):
            raise
        raise ConfigurationError(
            f"Label Studio does not take {setup.workspace.project.label_config}.",
            cause=error.cause,
            next_step="Mend the file; labels that annotations use already cannot be taken away.",
        ) from None


LABELING_CONFIG = Step(
    id="labeling-config",
    title="Labeling config",
    why="It says what is asked of each image: the labels and their keys.",
    needs="project",
    probe=_probe_config,
    apply=_apply_config,
)


def _same_text(one: str, other: str) -> bool:
    return one.strip().replace("\r\n", "\n") == other.strip().replace("\r\n", "\n")


def _probe_sampling(setup: Setup) -> tuple[StepState, str]:
    project = setup.opened.remote
    wanted = setup.workspace.project.sampling
    has = next((name for name, value in SAMPLINGS.items() if value == project.sampling), "unknown")
    if has == wanted:
        return "done", has
    return "to do", f"{has} now; {wanted} is asked for"


def _apply_sampling(setup: Setup) -> Work[None]:
    yield Progress("sampling")
    sampling = SAMPLINGS[setup.workspace.project.sampling]
    setup.client.update_project(setup.opened.id, {"sampling": sampling})


SAMPLING = Step(
    id="sampling",
    title="Sampling",
    why="The order in which images are shown. At random is best for a first round.",
    needs="project",
    probe=_probe_sampling,
    apply=_apply_sampling,
)
