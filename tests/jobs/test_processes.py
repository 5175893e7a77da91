"""Claims about crashes and concurrency, with real processes on both databases."""

from __future__ import annotations

import pytest

from tests.jobs.conftest import Scene

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]


def test_of_processes_and_threads_that_claim_one_job_one_wins(scene: Scene) -> None:
    scene("claim_race", 10, 4, 3)


def test_a_message_that_is_delivered_four_times_does_the_work_once(scene: Scene) -> None:
    scene("duplicate_delivery")


@pytest.mark.parametrize("ending", ["succeeded", "failed", "cancelled"])
def test_a_worker_killed_at_any_moment_changes_nothing_about_the_end(scene: Scene, ending: str) -> None:
    assert int(scene("kill_everywhere", ending).split()[0]) > 25


@pytest.mark.parametrize("where", ["an effect", "checkpoint", "settle"])
def test_a_worker_that_was_stopped_past_its_lease_changes_nothing(scene: Scene, where: str) -> None:
    scene("stopped_and_continued", where)


@pytest.mark.parametrize("where", ["turning", "turn"])
def test_a_worker_that_was_stopped_at_the_turn_is_killed_and_the_job_turns_once(
    scene: Scene, where: str
) -> None:
    scene("stopped_at_the_turn", where)


def test_a_worker_that_is_stopped_in_an_effect_is_killed_before_the_job_goes_on(scene: Scene) -> None:
    scene("stopped_in_an_effect")


def test_an_effect_of_three_leases_keeps_its_lease(scene: Scene) -> None:
    scene("long_object")


def test_a_slice_that_hangs_is_ended_by_the_queue_and_its_job_recovered(scene: Scene) -> None:
    scene("a_task_past_its_timeout")


@pytest.mark.parametrize("phase", ["copy", "unwind", "cleanup"])
def test_a_page_that_kills_every_worker_ends_its_job(scene: Scene, phase: str) -> None:
    scene("poison_pill", phase)


def test_a_job_survives_ten_seconds_without_its_database(scene: Scene) -> None:
    scene("a_database_that_is_gone", 10)


# -- rules --------------------------------------------------------------------------------------


def test_a_rule_whose_worker_is_killed_at_any_moment_is_done_by_the_next_run(scene: Scene) -> None:
    assert int(scene("rule_killed_everywhere").split()[0]) > 10


def test_a_rules_worker_that_was_stopped_past_its_lease_changes_nothing(scene: Scene) -> None:
    scene("rule_stopped_and_continued")


def test_a_rules_worker_that_sleeps_through_a_new_definition_changes_nothing(scene: Scene) -> None:
    scene("rule_replaced_while_its_worker_is_stopped")


def test_a_worker_stopped_in_an_effect_of_a_rule_that_was_replaced_is_in_nobodys_way_for_long(
    scene: Scene,
) -> None:
    scene("rule_replaced_while_its_worker_is_stopped_in_an_effect")


def test_schedulers_workers_operators_and_reloads_on_one_rule_leave_a_true_history(scene: Scene) -> None:
    print(scene("everybody_at_once", 3))
