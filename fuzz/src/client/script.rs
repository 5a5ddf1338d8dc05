//! The script of the client: text to settings and scenes.
//!
//! Owns the letters. The first line, and what stands behind a `T`, are settings; every other letter is a scene, with
//! numbers behind it, separated by commas. What means nothing is passed over.

use std::time::Duration;

use keepwarm::{Client, Config, Limits, RetryPolicy};

use crate::words::Words;

/// One thing that happens; numbers choose among what is there, modulo.
#[derive(Clone, Debug)]
pub(crate) enum Scene {
    /// A call begins.
    Call {
        kind: Kind,
        reading: Reading,
        origin: usize,
    },
    /// A call is dropped.
    Abort(usize),
    /// A dial that waits lands, or fails.
    Land(usize),
    Fail(usize),
    /// A peer answers its oldest request as it should, in pieces of this size (0: one piece).
    Answer {
        wire: usize,
        form: Form,
        piece: usize,
    },
    /// A peer says `100 Continue` to a request.
    Continue(usize),
    /// A peer says whatever it likes, in these pieces.
    Say {
        wire: usize,
        pieces: Vec<Vec<u8>>,
    },
    /// A peer ends its side.
    Close(usize),
    /// A peer resets the connection.
    Reset(usize),
    /// A peer takes so many more bytes and then no more.
    Window(usize, usize),
    /// Time passes until nothing is left to do in it.
    Sleep(Duration),
    /// The other tasks have some turns.
    Turns(usize),
    CloseIdle,
    Prewarm(usize),
    Retune(Limits),
    ShutDown(Duration),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Get,
    Head,
    /// A body of bytes.
    Post,
    /// A body that can be made anew.
    Put,
    /// A body that can be read once.
    Stream,
    /// One that fails before its end.
    BrokenStream,
    /// `Expect: 100-continue`.
    Expect,
    Upgrade,
    /// `Connection: close`.
    Last,
}

/// What the caller does with the answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Whole,
    First,
    Nothing,
    Slowly,
}

/// How a peer that is honest answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Length,
    Chunked,
    UntilClose,
    /// With `Connection: close`, and then it closes.
    Last,
    /// A 103 comes first.
    Interim,
    NoContent,
    /// With `Keep-Alive: timeout=1, max=2`.
    Hint,
    /// 101 when that was asked for.
    Switch,
}

const FORMS: [Form; 8] = [
    Form::Length,
    Form::Chunked,
    Form::UntilClose,
    Form::Last,
    Form::Interim,
    Form::NoContent,
    Form::Hint,
    Form::Switch,
];

/// No play has more scenes.
const MOST_SCENES: usize = 160;
/// No peer says more at once.
const MOST_SAID: usize = 100_000;

/// The settings, whether dials wait for their scene, and the scenes.
pub(crate) fn read(input: &[u8]) -> (Config, bool, Vec<Scene>) {
    let mut script = Script(Words(input));
    let line = script.0.line();
    let config = config(line);
    let waits = line.contains(&b'D');
    let mut scenes = Vec::new();
    while scenes.len() < MOST_SCENES
        && let Some(letter) = script.0.letter()
    {
        scenes.extend(script.scene(letter));
    }
    (config, waits, scenes)
}

/// ```text
/// n N, M N connections per host, in all   i N, I N idle   m N requests   t N, l N idle and life time (ms)
/// W N waiters   q N, h N, r N, w N, E N time for queue, head, read, write, 100 Continue (ms)
/// d N bytes drained   s small heads   k no keep-alive   L no learning   N nothing is sent again   D dials wait
/// ```
fn config(line: &[u8]) -> Config {
    let mut words = Words(line);
    // Whatever else is set: no call takes longer than this.
    let mut config = Client::builder().total_timeout(super::LONGEST);
    while let Some(letter) = words.letter() {
        let number = words.number();
        let count = number.map(|number| usize::try_from(number % 8).unwrap_or(0));
        let one = count.map(|count| count.max(1));
        let time = number.map(Duration::from_millis);
        config = match letter {
            b'n' => config.max_conns_per_host(one),
            b'M' => config.max_conns(one),
            b'i' => config.max_idle_per_host(count),
            b'I' => config.max_idle(count),
            b'm' => config.max_requests_per_connection(number.map(|number| number.max(1))),
            b't' => config.idle_timeout(time),
            b'l' => config.max_lifetime(time),
            b'W' => config.max_waiters(count),
            b'q' => config.queue_timeout(time),
            b'h' => config.response_header_timeout(time),
            b'r' => config.read_idle_timeout(time),
            b'w' => config.write_stall_timeout(time),
            b'E' => config.expect_timeout(time),
            b'd' => config.drain_bytes(number.unwrap_or(0)),
            b's' => config.max_head_bytes(256).max_header_fields(8),
            b'k' => config.keep_alive(false),
            b'L' => config.learning(false),
            b'N' => config.retry(RetryPolicy::Never),
            _ => config,
        };
    }
    config
}

struct Script<'a>(Words<'a>);

impl Script<'_> {
    /// ```text
    /// g GET   h HEAD   p POST   k PUT   u stream   U broken stream   e Expect   w Upgrade   x close
    ///     (0 read whole, 1 the first piece, 2 nothing, 3 slowly; origin)
    /// v abort (call)   o, f a dial lands, fails (which)   P prewarm (count)
    /// a answer (wire, form, size of pieces)   n 100 Continue (wire)   c close (wire)   z reset (wire)
    /// b a peer takes no more (wire, but so many bytes)   r say (wire, text)   R say often (wire, times, text)
    /// s sleep (ms)   y turns   i close idle   T settings (a line)   S shut down (ms)
    /// ```
    fn scene(&mut self, letter: u8) -> Option<Scene> {
        let words = &mut self.0;
        Some(match letter {
            b'v' => Scene::Abort(words.which()),
            b'o' => Scene::Land(words.which()),
            b'f' => Scene::Fail(words.which()),
            b'P' => Scene::Prewarm(words.which() % 4),
            b'a' => Scene::Answer {
                wire: words.which(),
                form: FORMS[words.next_which() % FORMS.len()],
                piece: words.next_which(),
            },
            b'n' => Scene::Continue(words.which()),
            b'c' => Scene::Close(words.which()),
            b'z' => Scene::Reset(words.which()),
            b'b' => Scene::Window(words.which(), words.next_which()),
            b'r' => Scene::Say {
                wire: words.which(),
                pieces: said(words.line(), 1),
            },
            b'R' => Scene::Say {
                wire: words.which(),
                pieces: {
                    let times = words.next_which();
                    said(words.line(), times)
                },
            },
            b's' => Scene::Sleep(Duration::from_millis(words.number().unwrap_or(1))),
            b'y' => Scene::Turns(words.which() % 16),
            b'i' => Scene::CloseIdle,
            b'T' => Scene::Retune(config(words.line()).limits().clone()),
            b'S' => Scene::ShutDown(Duration::from_millis(words.number().unwrap_or(0))),
            other => return self.call(other),
        })
    }

    fn call(&mut self, letter: u8) -> Option<Scene> {
        let kind = match letter {
            b'g' => Kind::Get,
            b'h' => Kind::Head,
            b'p' => Kind::Post,
            b'k' => Kind::Put,
            b'u' => Kind::Stream,
            b'U' => Kind::BrokenStream,
            b'e' => Kind::Expect,
            b'w' => Kind::Upgrade,
            b'x' => Kind::Last,
            _ => return None,
        };
        let reading = match self.0.which() % 4 {
            0 => Reading::Whole,
            1 => Reading::First,
            2 => Reading::Nothing,
            _ => Reading::Slowly,
        };
        let origin = self.0.next_which() % 2;
        Some(Scene::Call {
            kind,
            reading,
            origin,
        })
    }
}

/// The bytes of a text: `|` is CR LF, `^` is LF, `$` ends a piece.
fn said(text: &[u8], times: usize) -> Vec<Vec<u8>> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let times = times.min(MOST_SAID / text.len().max(1));
    let piece = |piece: &[u8]| {
        let mut bytes = Vec::new();
        for &byte in piece {
            match byte {
                b'|' => bytes.extend_from_slice(b"\r\n"),
                b'^' => bytes.push(b'\n'),
                other => bytes.push(other),
            }
        }
        bytes
    };
    let pieces: Vec<Vec<u8>> = text.split(|&byte| byte == b'$').map(piece).collect();
    if let [one] = &pieces[..] {
        return vec![one.repeat(times)];
    }
    let again = std::iter::repeat_n(pieces, times);
    again.flatten().collect()
}
