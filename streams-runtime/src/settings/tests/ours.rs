//! Our own settings: that the page has them all, and those that are one of a few words.

use super::*;

#[test]
fn at_least_once_commits_every_half_minute() {
    let settings = settings(&[("processing.guarantee", "at_least_once")], "", &[]);
    assert_eq!(settings.guarantee, Guarantee::AtLeastOnce);
    assert_eq!(settings.commit_interval_ms, 30_000);
    assert_eq!(settings.clients.producer, []);
}

#[test]
fn the_page_of_settings_names_all_of_ours_and_the_words_of_errors() {
    let page = include_str!("../../../../docs/settings.md");
    for name in crate::settings::names::OURS {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
    let sources = sources(
        &[("commit.interval.ms", "soon")],
        &format!("{}producer.lingerms = 5", "\n".repeat(8)),
        &[("STREAMS_CONSUMER_ISOLATION_LEVEL", "read_uncommitted")],
    );
    let words =
        resolve(&sources, &build()).unwrap_err().to_string().replace("app.properties", "orders.properties");
    assert!(page.contains(&words), "{words}");
}

#[test]
fn a_flag_is_true_or_false() {
    let leaves = |value| settings(&[("leave.group.on.close", value)], "", &[]).leave_on_close;
    assert_eq!((leaves("true"), leaves("false")), (true, false));
    wrong(
        &[("leave.group.on.close", "yes")],
        expect![[r#"
            a setting is wrong:
              `leave.group.on.close = yes` in the code: it is neither
                help: write `true` or `false`"#]],
    );
}

#[test]
fn what_cannot_be_used_is_refused_unless_a_rebuild_was_asked_for() {
    let unreadable = |value| settings(&[("state.unreadable", value)], "", &[]).unreadable;
    assert_eq!(settings(&[], "", &[]).unreadable, OnUnreadable::Refuse);
    assert_eq!((unreadable("refuse"), unreadable("rebuild")), (OnUnreadable::Refuse, OnUnreadable::Rebuild));
    let built =
        Builder::new(crate::topology::Topology::of("none", &[]), "app").on_unreadable(OnUnreadable::Rebuild);
    assert_eq!(built.settings().unwrap().unreadable, OnUnreadable::Rebuild);
    wrong(
        &[("state.unreadable", "true")],
        expect![[r#"
            a setting is wrong:
              `state.unreadable = true` in the code: it is neither
                help: write `refuse` or `rebuild`"#]],
    );
}
