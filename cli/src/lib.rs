//! The muster program: the whole system in one process, and the operator's commands.
