//! Runs the compiler on every case. `TRYBUILD=overwrite` accepts what it says; read it as a new user would.

#[test]
fn what_must_not_compile_says_why() {
    trybuild::TestCases::new().compile_fail("fail/*.rs");
}

#[test]
fn what_must_compile_does() {
    trybuild::TestCases::new().pass("pass/*.rs");
}
