"""Ends a function's idle processes, so that its next invocation starts a new one."""

from ministack.core import lambda_runtime

import control


def install():
    control.endpoint("POST", "processes/end")(end)


def end(parameters):
    """Returns once they are gone. A process at work is left alone."""
    idle = take_idle(control.required(parameters, "function"))
    lambda_runtime.kill_workers(idle)
    return {"ended": len(idle)}


def take_idle(function):
    """Takes the function's idle workers out of the pool, so that no invocation gets one that is about to end."""
    taken = []
    with lambda_runtime._lock:
        for workers in lambda_runtime._workers.values():
            taken += [worker for worker in workers if worker.func_name == function and not worker.in_use]
            workers[:] = [worker for worker in workers if worker not in taken]
    return taken
