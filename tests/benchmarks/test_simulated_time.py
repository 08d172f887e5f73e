import pytest

from benchmarks.simulated_time import SimulatedTime


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
