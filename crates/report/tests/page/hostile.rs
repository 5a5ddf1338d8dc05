//! Text from the network stays text.

use keepwarm_report::{How, Life, Report};

use crate::samples::{MS, S, Sample};
use crate::tab::{Tab, Window};

const HOSTILE: [&str; 6] = [
    "/</script/x",
    "/</script><img src=x onerror=document.title='broken'>",
    "/<!--<script>document.title='broken'</script>",
    "/\u{2028}\u{2029}]]>&lt;b&gt;\\u003c",
    "/\"'`${document.title='broken'}",
    "/{{data}}{{script}}",
];

fn report() -> Report {
    let mut sample = Sample::new();
    let origin = sample.origin("http://</title></script><script>document.title='broken'</script>");
    let connection = sample.open(origin, 0, "<b>first</b>");
    for (step, target) in (0_u64..).zip(HOSTILE) {
        let exchange = sample.get(connection, step * 100 * MS, 80 * MS, target);
        sample.exchange(exchange).method = "<i>GET</i>".to_owned();
        sample.exchange(exchange).verdict_text =
            Some("<script>document.title='broken'</script>".to_owned());
    }
    sample.connection(connection).via =
        Some("<img src=x onerror=document.title='broken'>".to_owned());
    sample.end(
        connection,
        700 * MS,
        "</script>",
        "<b>peer</b>",
        How::Fin,
        Life::Idle,
    );
    sample.report.sources[0].name = "<img src=x onerror=document.title='broken'>".to_owned();
    sample.finish(S)
}

#[test]
fn hostile_strings_stay_text() {
    let report = report();
    let mut tab = Tab::open("hostile", &report, Window::DESK);
    let (x, y) = tab.place_of(0);
    tab.point_at(x, y);
    assert!(tab.text("#tip").contains(HOSTILE[0]));
    tab.click_at(x, y);
    tab.click("#text summary");
    tab.photograph("hostile");
    let panel = tab.text("#panel");
    for target in [HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[4], HOSTILE[5]] {
        assert!(panel.contains(target), "{target}: {panel}");
    }
    let title = tab.value("document.title");
    assert_eq!(
        title,
        "1 connection for 6 requests; none avoidable · keepwarm"
    );
    assert_eq!(
        tab.value("document.images.length + document.querySelectorAll('i, main b').length"),
        1,
        "the tip's own"
    );
    assert_eq!(tab.value("document.scripts.length"), 2);
    let data = tab.value("JSON.parse(document.getElementById('data').textContent).strings");
    for target in HOSTILE {
        assert!(
            data.as_array().unwrap().iter().any(|it| it == target),
            "{target} is unchanged"
        );
    }
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn a_script_that_got_in_all_the_same_would_not_run() {
    let mut tab = Tab::open("policy", &report(), Window::DESK);
    tab.value(
        "(() => { const it = document.createElement('script'); it.textContent = 'document.title = \"broken\"';
          document.body.append(it);
          const image = new Image(); image.src = 'http://127.0.0.1:9/beacon'; document.body.append(image);
          return fetch('http://127.0.0.1:9/beacon').catch(() => 0); })()",
    );
    assert_ne!(tab.value("document.title"), "broken");
    let complaints = tab.complaints().join("\n");
    assert!(
        complaints.contains("script-src") && complaints.contains("connect-src"),
        "{complaints}"
    );
    assert!(complaints.contains("img-src"), "{complaints}");
}
