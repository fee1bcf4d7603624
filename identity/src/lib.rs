//! Passwords, sessions, tokens, and who may do what.
