//! What must hold, written apart from the code under test.
