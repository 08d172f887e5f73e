import pytest

from benchmarks.simulated_time import SimulatedThreads, SimulatedTime


def test_tasks_go_on_in_the_order_of_their_times():
    time = SimulatedTime(100)
    seen = []

    def task(name, seconds):
        def run():
            for _ in range(3):
                time.sleep(seconds)
                seen.append((name, time.now))

        return run

    time.run(task("slow", 5), task("fast", 2))
    assert seen == [
        *(("fast", 102), ("fast", 104), ("slow", 105), ("fast", 106)),
        *(("slow", 110), ("slow", 115)),
    ]


def test_what_fails_in_a_task_fails_the_run_once_the_others_are_done():
    time = SimulatedTime(0)
    done = []

    def fails():
        raise ValueError("broken")

    def works():
        time.sleep(1)
        done.append(True)

    with pytest.raises(ValueError, match="broken"):
        time.run(fails, works)
    assert done == [True]


def test_a_functions_time_runs_out_as_simulated_time_passes():
    time = SimulatedTime(0)
    left = time.deadline(300)
    time.sleep(269)
    assert left.allows()
    time.sleep(2)
    assert not left.allows()


def test_a_task_that_waits_goes_on_as_soon_as_another_wakes_it():
    time = SimulatedTime(0)
    seen = []

    def waits(seconds):
        turns.append(time.turn)
        time.wait(seconds)
        seen.append(("woken", time.now))
        time.sleep(5)
        seen.append(("slept", time.now))

    def wakes():
        time.sleep(2)
        time.wake(turns[0])
        time.sleep(1)
        seen.append(("woke", time.now))

    for seconds in (None, 4):
        seen.clear()
        time.now, turns = 0, []
        time.run(lambda seconds=seconds: waits(seconds), wakes)
        assert seen == [("woken", 2), ("woke", 3), ("slept", 7)]


def test_calls_are_under_way_at_once_and_answers_come_in_the_order_of_their_ends():
    time = SimulatedTime(0)
    threads = SimulatedThreads(time, 3)
    for seconds in (5, 1, 3):
        threads.begin(lambda seconds=seconds: (time.sleep(seconds), seconds)[1])
    assert threads.answer(0) is None
    assert [(threads.answer(None), time.now) for _ in range(2)] == [(1, 1), (3, 3)]
    assert (threads.answer(1), time.now) == (None, 4)
    assert (threads.answer(None), time.now) == (5, 5)
    assert threads.under_way == 0
