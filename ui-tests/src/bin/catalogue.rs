//! Writes `docs/errors.md` from the cases in `fail`.

fn main() -> std::io::Result<()> {
    std::fs::write(streams_ui_tests::page(), streams_ui_tests::catalogue(&streams_ui_tests::cases()?))
}
