//! URLs under test.

use crate::wire::target::{Target, TargetError};

#[test]
fn the_parts_of_a_url_go_where_they_belong() {
    let cases = [
        (
            "ws://localhost:8080",
            "localhost",
            8080,
            "localhost:8080",
            "/",
        ),
        ("ws://example.org", "example.org", 80, "example.org", "/"),
        (
            "WS://Example.ORG:80/Chat",
            "example.org",
            80,
            "example.org",
            "/Chat",
        ),
        ("wss://example.org", "example.org", 443, "example.org", "/"),
        (
            "wss://example.org:80/",
            "example.org",
            80,
            "example.org:80",
            "/",
        ),
        (
            "ws://127.0.0.1:9/a/b?c=d&e",
            "127.0.0.1",
            9,
            "127.0.0.1:9",
            "/a/b?c=d&e",
        ),
        ("ws://[::1]:9/", "::1", 9, "[::1]:9", "/"),
        ("ws://h?x", "h", 80, "h", "/?x"),
        (
            "  ws://h/with blank\u{e9}  ",
            "h",
            80,
            "h",
            "/with%20blank%C3%A9",
        ),
    ];
    for (url, host, port, authority, request) in cases {
        let target = Target::parse(url).unwrap();
        let parts = (
            target.host(),
            target.port(),
            target.authority(),
            target.request_target(),
        );
        assert_eq!(
            parts,
            (
                host.to_owned(),
                port,
                authority.to_owned(),
                request.to_owned()
            )
        );
        assert_eq!(target.secure(), url.starts_with("wss"));
    }
}

#[test]
fn what_is_shown_has_no_values_of_the_query() {
    let cases = [
        ("ws://h:1/p", "ws://h:1/p"),
        (
            "ws://h/p?token=hunter2&v=10&empty=&hunter2&",
            "ws://h/p?token=***&v=***&empty=&***&",
        ),
        ("wss://[::1]/?hunter2", "wss://[::1]/?***"),
        ("ws://h/?a=hunter2=hunter2", "ws://h/?a=***"),
    ];
    for (url, shown) in cases {
        let target = Target::parse(url).unwrap();
        assert_eq!(target.shown(), shown);
        assert!(!format!("{target:?}").contains("hunter2"));
    }
}

#[test]
fn a_wrong_url_is_refused_with_a_hint() {
    let cases = [
        (
            "localhost:8080/x",
            "URL has no scheme",
            "did you mean ws://localhost:8080/x",
        ),
        (
            "127.0.0.1",
            "URL has no scheme",
            "did you mean ws://127.0.0.1",
        ),
        ("", "URL has no scheme", "put ws:// in front of the host"),
        (
            "h/?token=hunter2",
            "URL has no scheme",
            "put ws:// in front of the host",
        ),
        (
            "http://h:1/x",
            "scheme http:// is not ws:// or wss://",
            "did you mean ws://h:1/x",
        ),
        (
            "HTTPS://h",
            "scheme https:// is not ws:// or wss://",
            "did you mean wss://h",
        ),
        (
            "ftp://h?t=hunter2",
            "scheme ftp:// is not ws:// or wss://",
            "write ws:// instead",
        ),
        (
            "ws://",
            "URL has no host",
            "a target looks like ws://127.0.0.1:8080/path",
        ),
        (
            "ws:///path",
            "URL has no host",
            "a target looks like ws://127.0.0.1:8080/path",
        ),
        (
            "ws://:80/",
            "URL has no host",
            "a target looks like ws://127.0.0.1:8080/path",
        ),
        (
            "ws://a b/",
            "URL does not parse: invalid international domain name",
            "a target looks like ws://127.0.0.1:8080/path",
        ),
        (
            "ws://h:99999/",
            "URL does not parse: invalid port number",
            "a target looks like ws://127.0.0.1:8080/path",
        ),
        (
            "ws://me:hunter2@h/",
            "URL has a user name or password",
            "send credentials in a header instead: -H 'Authorization: ...'",
        ),
        (
            "ws://me@h/",
            "URL has a user name or password",
            "send credentials in a header instead: -H 'Authorization: ...'",
        ),
        (
            "ws://h/#part",
            "URL has a fragment (#...)",
            "write # as %23 if it belongs to the path",
        ),
        ("ws://h:0/", "URL has port 0", ""),
        ("ws://h/a\nb", "URL has a control character", ""),
    ];
    for (url, message, hint) in cases {
        let error = Target::parse(url).unwrap_err();
        assert_eq!((url, error.to_string()), (url, message.to_owned()));
        assert_eq!(
            (url, error.hint().unwrap_or_default()),
            (url, hint.to_owned())
        );
        assert!(!format!("{error:?} {error} {:?}", error.hint()).contains("hunter2"));
    }
    assert!(matches!(
        Target::parse("x"),
        Err(TargetError::NoScheme { .. })
    ));
}
