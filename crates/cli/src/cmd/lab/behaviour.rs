//! From `LabArgs` to a `Behaviour`: every field has its option, except gates, which need a program.
//!
//! Owns the mapping. Refuses to know what the server does with it.

use std::time::Duration;

use keepwarm_lab::{
    Behaviour, Chunks, Content, Fault, FaultKind, FaultPoint, Framing, Pause, Stray, Upgrade,
    Upload,
};

use crate::args::lab::LabArgs;
use crate::args::quantity::Ceiling;

pub(super) fn behaviour(args: &LabArgs) -> Behaviour {
    let standard = Behaviour::default();
    Behaviour {
        accept: args.accept.into(),
        special_paths: !args.no_special_paths,
        status: args.status,
        reason_phrase: args.reason_phrase.clone(),
        http10: args.http10,
        headers: args.header.clone(),
        connection: args.connection,
        keep_alive: args.keep_alive_header.clone(),
        obeys_close: !args.ignore_close,
        stays_open: args.stays_open,
        huge_head: args.huge_head,
        interim: args.interim.clone(),
        upgrade: args.upgrade.as_ref().map(|protocol| Upgrade {
            protocol: protocol.clone(),
            first_bytes: args.upgrade_first.clone().unwrap_or_default().into_bytes(),
        }),
        body: content(args).unwrap_or(standard.body),
        framing: framing(args),
        max_requests: args.max_requests,
        max_requests_silent: args.max_requests_silent,
        max_age: args.max_age,
        max_age_silent: args.max_age_silent,
        idle_timeout: args.idle_timeout.and_then(Ceiling::limit),
        idle_jitter: args.idle_jitter.unwrap_or_default(),
        idle_gate: None,
        idle_end: args.idle_end.into(),
        idle_end_travels: args.idle_end_travels.unwrap_or_default(),
        first_request_timeout: args.first_request_timeout.and_then(Ceiling::limit),
        before_head: pause(args.delay_head),
        after_head: pause(args.delay_body),
        between_pieces: pause(args.delay_pieces),
        after_body: pause(args.delay_after),
        piece_size: args.piece_size,
        write_size: args.write_size,
        fault: fault(args),
        half_close: args.half_close,
        stray_with_answer: args.stray.clone().unwrap_or_default().into_bytes(),
        stray_idle: args.stray_idle.as_ref().map(|text| Stray {
            bytes: text.clone().into_bytes(),
            after: Pause::For(args.stray_idle_after),
        }),
        upload: upload(args),
        expect: args.expect.clone(),
    }
}

fn pause(time: Option<Duration>) -> Pause {
    time.map_or(Pause::None, Pause::For)
}

fn content(args: &LabArgs) -> Option<Content> {
    let text = args
        .body
        .as_ref()
        .map(|text| Content::Bytes(text.clone().into_bytes()));
    text.or(args.body_size.map(Content::Size))
}

fn framing(args: &LabArgs) -> Framing {
    if let Some(sizes) = &args.chunked {
        return Framing::Chunked(Chunks {
            sizes: sizes.clone(),
            extension: args.chunk_extension.clone().unwrap_or_default(),
            trailers: args.trailer.clone(),
        });
    }
    match args.wrong_length {
        _ if args.no_length => Framing::UntilClose,
        Some(by) if by < 0 => Framing::LengthTooShort(by.unsigned_abs()),
        Some(by) => Framing::LengthTooLong(by.unsigned_abs()),
        None => Framing::ContentLength,
    }
}

fn fault(args: &LabArgs) -> Option<Fault> {
    let (what, at) = if args.hang {
        (FaultKind::Hang, args.fault_at)
    } else if args.reset {
        (FaultKind::Reset, args.fault_at)
    } else if let Some(bytes) = args.stall_after {
        (FaultKind::Hang, FaultPoint::AfterBodyBytes(bytes))
    } else {
        (args.fault?.into(), args.fault_at)
    };
    Some(Fault {
        at,
        what,
        which: args.fault_on,
    })
}

fn upload(args: &LabArgs) -> Upload {
    match (args.early_answer, args.stop_reading) {
        (Some(after), _) => Upload::AnswerEarly {
            after,
            then: args.after_early.into(),
        },
        (None, Some(after)) => Upload::StopReading { after },
        (None, None) => Upload::ReadFirst,
    }
}
