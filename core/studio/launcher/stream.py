"""Who gets which image next, on the pages on which people label.

The page asks for the next image with the filters and the ordering of its tab, or, once "Label All
Tasks" was pressed in that browser, with neither. Stock Label Studio takes filters without an item
for some, gives two people the first image of a filtered list, and forgets the tab where nothing is
asked.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import threading
import time
from datetime import timedelta
from typing import Any

from .large import scored_ones
from .patches import Closed, patch, takes

# Begins the name of a column that only the tabs of labelpilot have among their columns' widths;
# core/labeling makes them. The tab with a round's order, and those of people's shares of it:
MARK = "labelpilot "
ORDER = "order"
SHARE = "share of "
# How many images are looked at together for one that nobody has open.
TOGETHER = 20
# The server is one process with a thread for each request: between a look at who has what open and
# the lock that is set, no other request may look.
ONE_AT_A_TIME = threading.RLock()
# What somebody labels elsewhere than in a browser: (account, session) -> (until when, by this
# process's clock, tasks).
HELD: dict[tuple[int, str], tuple[float, frozenset[int]]] = {}
# As long as nothing is heard of a session, its images stay its own.
SECONDS = 180
# Whether this process has seen to the locks that it found.
_seen_to = threading.Event()


def held_by(user):
    """The tasks that somebody holds in a session, so that none of their pages shows them too."""
    now = time.monotonic()
    found = [tasks for (who, _), (until, tasks) in HELD.items() if who == user.pk and until > now]
    return frozenset().union(*found)


def keep_locks() -> None:
    """Once a process: have the locks that lapsed while no server was there hold a while longer.

    Who had an image open then may have labeled it meanwhile, and comes back with that.
    """
    from django.utils.timezone import now
    from tasks.models import TaskLock

    if not _seen_to.is_set():
        until = now() + timedelta(seconds=SECONDS)
        TaskLock.objects.filter(expire_at__lt=until).update(expire_at=until)
        _seen_to.set()


@patch("no-filter", 'With sampling "random", the label stream can show images by their number.')
def take_an_empty_filter_for_none() -> None:
    """Let the project's sampling choose where a request filters, orders and selects nothing."""
    from data_manager import functions
    from data_manager.actions import next_task as action
    from projects import api

    asks = functions.filters_ordering_selected_items_exist
    takes(asks, "data")
    for module in (action, api):
        _uses(module.filters_ordering_selected_items_exist, asks)

    for module in (functions, action, api):
        module.filters_ordering_selected_items_exist = _asks_for_some


def _asks_for_some(data) -> bool:
    """Whether a request for the next image says which, or in which order."""
    filters = data.get("filters")
    items = filters.get("items") if isinstance(filters, dict) else filters
    return bool(items or data.get("ordering") or _selects(data))


def _selects(data) -> bool:
    selected = data.get("selectedItems")
    if isinstance(selected, dict):
        return bool(selected.get("excluded") if selected.get("all") else selected.get("included"))
    return bool(selected)


@patch("an-image-each", "Two people who label at the same time can get the same image.")
def give_each_person_another_image() -> None:
    """Let a list give the first image that nobody else has open, and one choice be made at a time.

    What a person had open before is free again.
    """
    from data_manager.actions import next_task as action
    from projects import api
    from projects.functions import next_task as queues
    from tasks.models import Task, TaskLock

    choose, unsolved = queues.get_next_task, queues.get_not_solved_tasks_qs
    takes(choose, "user", "prepared_tasks", "project", "dm_queue", "assigned_flag")
    takes(unsolved, "user", "project", "prepared_tasks", "assigned_flag", "queue_info")
    takes(Task.has_lock, "self", "user")
    for module in (action, api):
        _uses(module.get_next_task, choose)
    if "next_task = not_solved_tasks.first()" not in inspect.getsource(choose):
        raise Closed("a list no longer gives its first image")

    @functools.wraps(unsolved)
    def get_not_solved_tasks_qs(user, *others):
        tasks, *found = unsolved(user, *others)

        def first():
            task = _first_free(tasks, user)
            if task is not None:
                # With the person's own lock on it, Label Studio would not set it anew.
                task.locks.filter(user=user).delete()
            return task

        tasks.first = first
        return tasks, *found

    @functools.wraps(choose)
    def get_next_task(user, prepared_tasks, project, *others):
        with ONE_AT_A_TIME:
            keep_locks()
            held = held_by(user)
            prepared_tasks = prepared_tasks.exclude(pk__in=held) if held else prepared_tasks
            task, queue = choose(user, prepared_tasks, project, *others)
            if task is not None:
                before = TaskLock.objects.filter(user=user, task__project=project)
                before.exclude(task__in=(task.pk, *held)).delete()
        return task, queue

    queues.get_not_solved_tasks_qs = get_not_solved_tasks_qs
    for module in (queues, action, api):
        module.get_next_task = get_next_task


def _first_free(tasks, user):
    """The first of `tasks` that nobody else has open, or None."""
    for some in (scored_ones(tasks), tasks):
        # Equal scores are told apart, so that one part begins where the other ends.
        ordered = None if some is None else some.order_by(*some.query.order_by, "id")
        for start in itertools.count(0, TOGETHER):
            part = [] if ordered is None else list(ordered[start : start + TOGETHER])
            for task in part:
                if not task.has_lock(user):
                    return task
            if len(part) < TOGETHER:
                break
    return None


@patch(
    "round-order",
    'A browser in which "Label All Tasks" was pressed last leaves the order of the round.',
)
def follow_the_round() -> None:
    """While a round is on, let a request that asks for nothing follow it; after it, the sampling.

    A round is on for a person while there is an image that they can label and that has a score of
    the project's model version.
    """
    from data_manager.api import ProjectActionsAPI
    from data_manager.models import View
    from data_manager.serializers import ViewSerializer
    from projects.functions.next_task import get_not_solved_tasks_qs
    from projects.models import Project
    from tasks.models import Prediction, Task

    post = ProjectActionsAPI.post
    takes(post, "self", "request")
    takes(View.get_prepare_tasks_params, "self", "add_selected_items")
    takes(Task.prepared.only_filtered, "prepare_params")
    takes(Task.has_lock, "self", "user")
    takes(ViewSerializer.to_representation, "self", "instance")
    unsolved = ("user", "project", "prepared_tasks", "assigned_flag", "queue_info")
    takes(get_not_solved_tasks_qs, *unsolved)
    for field in ("task", "project", "model_version"):
        Prediction._meta.get_field(field)

    @functools.wraps(post)
    def post_following(self, request):
        data, tab_id = request.data, request.GET.get("tabID")
        if request.GET.get("id") != "next_task" or type(data) is not dict or _selects(data):
            return post(self, request)
        with ONE_AT_A_TIME:
            project = Project.objects.filter(pk=request.GET.get("project")).first()
            if project is not None:
                _follow(data, project, request.user, tab_id)
            return post(self, request)

    ProjectActionsAPI.post = post_following


def _is_on(project, view, user) -> bool:
    """Whether a round is on for somebody."""
    from projects.functions.next_task import get_not_solved_tasks_qs
    from tasks.models import Prediction, Task

    if not project.model_version:
        return False
    scores = Prediction.objects.filter(project=project, model_version=project.model_version)
    shown = view.get_prepare_tasks_params()
    shown.ordering = []
    tasks = Task.prepared.only_filtered(prepare_params=shown)
    scored = tasks.filter(pk__in=scores.values("task")).exclude(pk__in=held_by(user))
    for_user, *_ = get_not_solved_tasks_qs(user, project, scored, None, "")
    return _first_free(for_user, user) is not None


def _follow(data, project, user, tab_id) -> None:
    """Have a request's `data` ask for what it should get."""
    from data_manager.models import View
    from data_manager.serializers import ViewSerializer

    views = {
        name: view
        for view in View.objects.filter(project=project).order_by("-id")
        for name in _marks(view.data)
    }
    names = {str(view.pk): name for name, view in views.items()}
    here, asks = names.get(tab_id), _asks_for_some(data)
    view = None
    if here == ORDER or (here is None and not asks):
        share = None if here else views.get(f"{SHARE}{user.email}")
        view = share or views.get(ORDER)
        on = view is not None and _is_on(project, view, user)
        if not on:
            view = None
            if here == ORDER:
                data.update(filters=None, ordering=[])
    elif here is not None and not asks:
        view = views[here]
    if view is not None:
        shown = ViewSerializer(view).data["data"]
        data.update(filters=shown.get("filters"), ordering=shown.get("ordering", []))


def next_image(project, user):
    """The next task for somebody who labels elsewhere than in a browser, or None."""
    from data_manager.prepare_params import PrepareParams
    from projects.functions import next_task as queues
    from tasks.models import Task

    data: dict[str, Any] = {}
    _follow(data, project, user, None)
    selected = {"all": True, "excluded": []}
    shown = PrepareParams(project=project.pk, selectedItems=selected, data=data, **data)
    tasks = Task.prepared.only_filtered(prepare_params=shown)
    return queues.get_next_task(user, tasks, project, _asks_for_some(data))[0]


def _marks(data) -> list[str]:
    """The names by which labelpilot knows a tab, of what is kept of the tab."""
    widths = data.get("columnsWidth") if isinstance(data, dict) else None
    keys = widths if isinstance(widths, dict) else ()
    return [key[len(MARK) :] for key in keys if key.startswith(MARK)]


def _uses(bound: object, original: object) -> None:
    """Raise Closed where a module has another function by a name than the one that is patched."""
    if bound is not original:
        raise Closed("another function stands in its place")
