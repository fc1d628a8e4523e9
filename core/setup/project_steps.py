"""The steps that make the project: the project itself, its labeling config and its sampling."""

from __future__ import annotations

from core.errors import ConfigurationError, StudioRefused
from core.labeling_config import refuse_more_data, same_text
from core.learning.rounds.first_round import publish_first_round, why_no_first_round
from core.progress import Progress, Work
from core.setup.context import Found, NeedsYes, Setup, Step
from core.studio.client.projects import SAMPLINGS
from core.studio.identity import remember
from core.words import count, some


def _probe_project(setup: Setup) -> Found:
    project, title = setup.project, setup.workspace.project.title
    if project is None:
        return "to do", f"no project {title!r}"
    detail = f"{project.title}, number {project.id}, {count(project.tasks, 'task')}"
    if project.title != title and setup.workspace.project.id is None:
        detail += f"; renamed: labelpilot.toml calls it {title!r}"
    return "done", detail


def _apply_project(setup: Setup) -> Work[None]:
    yield Progress("project")
    if setup.project is None:
        remember(setup.workspace, setup.client.create_project(setup.workspace.project.title))


PROJECT = Step(
    id="project",
    title="Project",
    why="A project holds the images, their labels and the labeling config.",
    needs="token",
    probe=_probe_project,
    apply=_apply_project,
)


def _probe_config(setup: Setup) -> Found:
    project = setup.opened.remote
    labels = some(setup.config.labels, 8)
    detail = f"labels: {labels}" if labels else "no fixed labels"
    if setup.config.more_data and not project.tasks:
        keys = ", ".join(f"${key}" for key in setup.config.more_data)
        return "wrong", f"it wants more of a task than its image: {keys}; take these tags out"
    if same_text(project.label_config, setup.config.text):
        return "done", detail
    if not project.has_config:
        return "to do", f"not set yet; {detail}"
    name = setup.workspace.relative(setup.workspace.project.label_config)
    detail = f"the project has another one than {name}"
    if setup.config_diff:
        detail += "; replacing it needs your yes"
    return "part", detail, setup.config_diff


def _apply_config(setup: Setup) -> Work[None]:
    yield Progress("labeling-config")
    project = setup.opened.remote
    if not project.tasks:
        refuse_more_data(setup.config)
    text = setup.config.text
    if same_text(project.label_config, text):
        return
    if setup.config_diff and not setup.replace_config:
        raise NeedsYes(
            f"The project's labeling config differs from {setup.workspace.project.label_config}"
            ", and was left as it is.",
            cause=setup.config_diff,
            next_step="Take over what the project has into the file; or replace it: "
            "`labelpilot setup --replace-config`.",
        )
    try:
        setup.client.validate_config(project.id, text)
        setup.client.update_project(project.id, {"label_config": text})
    except StudioRefused as error:
        if error.status in (401, 403):
            raise
        raise ConfigurationError(
            f"Label Studio does not take {setup.workspace.project.label_config}.",
            cause=error.cause,
            next_step="Fix the file; labels that annotations use already cannot be taken away.",
        ) from None


LABELING_CONFIG = Step(
    id="labeling-config",
    title="Labeling config",
    why="It says what is asked of each image: the labels and their keys.",
    needs="project",
    probe=_probe_config,
    apply=_apply_config,
)


def _probe_sampling(setup: Setup) -> Found:
    project, workspace = setup.opened.remote, setup.workspace
    wanted = workspace.project.sampling
    has = next((name for name, value in SAMPLINGS.items() if value == project.sampling), "unknown")
    if project.sampling != SAMPLINGS[wanted]:
        return "to do", f"{has} now; {wanted} is asked for"
    if wanted == "coverage":
        why_not = why_no_first_round(setup.opened)
        return ("done", why_not) if why_not else ("to do", "the first images are to be chosen")
    if wanted == "random" and not why_no_first_round(setup.opened):
        return "done", 'random; with embeddings, `sampling = "coverage"` teaches more'
    return "done", has


def _apply_sampling(setup: Setup) -> Work[None]:
    yield Progress("sampling")
    wanted = setup.workspace.project.sampling
    setup.client.update_project(setup.opened.id, {"sampling": SAMPLINGS[wanted]})
    if wanted == "coverage" and not why_no_first_round(setup.opened):
        yield from publish_first_round(setup.opened)


SAMPLING = Step(
    id="sampling",
    title="Sampling",
    why="The order in which images are shown. For the first ones, at random is good, and with "
    "embeddings those are better that cover all the others.",
    needs="project",
    probe=_probe_sampling,
    apply=_apply_sampling,
)
