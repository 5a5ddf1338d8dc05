//! `Race`: how often a request meets the close of its idle connection on the way.
//!
//! Owns the model and its formula. Refuses to know servers and clients but for four numbers.
//!
//! Requests come at random (a Poisson process) at a rate on one pooled connection. The server ends the connection a
//! time T after its last answer, by a clock that starts when the answer leaves it; the client, whose clock starts when
//! the answer comes, sees the end after T too. A request that is sent after T - R, R being a round trip, reaches a
//! server that has closed; from T on the client knows, a little later than the end arrives (the lag). So of the gaps
//! between requests, which are exponentially distributed, those between T - R and T + lag meet the close:
//! exp(-rate (T - R)) less exp(-rate (T + lag)) of all requests. A client that drops idle connections itself sends no
//! request after that.

use std::time::Duration;

/// How long a client goes on to use a connection whose end has arrived: from its look at the socket to its write, or
/// from the end's arrival to the turn of its event loop. It matters on short ways only, and is an assumption there.
pub(super) const LAG: Duration = Duration::from_micros(100);

/// Who waits for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Race {
    /// After so long the server ends an idle connection.
    pub(super) server: Duration,
    /// After so long the client does; none when it never does.
    pub(super) client: Option<Duration>,
    /// There and back.
    pub(super) round_trip: Duration,
}

impl Race {
    /// Of a million requests, so many meet a close, when they come at this rate.
    pub(super) fn per_million(&self, rate_per_s: f64) -> f64 {
        let (begin, end) = self.window();
        let outlast = |time: f64| (-rate_per_s * time).exp();
        if end <= begin {
            return 0.0;
        }
        1e6 * (outlast(begin) - outlast(end))
    }

    /// The same at the rate at which it is worst: a request per T.
    pub(super) fn worst_per_million(&self) -> f64 {
        let server = self.server.as_secs_f64();
        if server > 0.0 {
            self.per_million(1.0 / server)
        } else {
            0.0
        }
    }

    /// The gaps that meet a close, in seconds.
    fn window(&self) -> (f64, f64) {
        let begin = self.server.saturating_sub(self.round_trip);
        let end = self.server + LAG;
        let end = self.client.map_or(end, |client| end.min(client));
        (begin.as_secs_f64(), end.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Numbers between 0 and 1 that are the same in every run (splitmix64).
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut it = self.0;
            it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((it ^ (it >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        }
    }

    /// Plays it, message by message, and counts.
    fn played(race: Race, rate: f64, requests: u32) -> f64 {
        let way = race.round_trip.as_secs_f64() / 2.0;
        let (server, lag) = (race.server.as_secs_f64(), LAG.as_secs_f64());
        let mut numbers = Numbers(7);
        let mut met = 0_u32;
        for _ in 0..requests {
            // The answer leaves the server at 0.
            let answer_comes = way;
            let server_closes = server;
            let close_is_known = server_closes + way + lag;
            let client_drops = race.client.map(|it| answer_comes + it.as_secs_f64());
            let sent = answer_comes - (1.0 - numbers.next()).ln() / rate;
            let is_pooled =
                sent < close_is_known && client_drops.is_none_or(|dropped| sent < dropped);
            let arrives = sent + way;
            met += u32::from(is_pooled && arrives > server_closes);
        }
        1e6 * f64::from(met) / f64::from(requests)
    }

    #[test]
    fn the_formula_says_what_a_simulation_counts() {
        let requests = 1_000_000;
        for (server, client, round_trip, rate) in [
            (1_000, None, 100, 1.0),
            (1_000, None, 20, 3.0),
            (5_000, Some(90_000), 50, 0.2),
            (500, Some(460), 100, 2.0),
            (2_000, Some(1_800), 40, 0.5),
        ] {
            let race = Race {
                server: MS(server),
                client: client.map(MS),
                round_trip: MS(round_trip),
            };
            let (said, counted) = (race.per_million(rate), played(race, rate, requests));
            // Five standard deviations of so many draws.
            let tolerance = 5.0 * said.sqrt();
            assert!(
                (said - counted).abs() <= tolerance,
                "{said} and {counted} for {race:?} at {rate}/s"
            );
        }
    }

    #[test]
    fn who_drops_its_connections_sooner_never_meets_a_close() {
        let race = |client| Race {
            server: MS(5_000),
            client,
            round_trip: MS(50),
        };
        assert_eq!(race(Some(MS(4_000))).per_million(0.2), 0.0);
        assert_eq!(race(Some(MS(4_950))).per_million(0.2), 0.0);
        assert!(race(Some(MS(4_980))).per_million(0.2) > 0.0);
        let (never, late) = (
            race(None).per_million(0.2),
            race(Some(MS(90_000))).per_million(0.2),
        );
        assert!((never - late).abs() < 1e-6, "{never} {late}");
        assert!((3_500.0..4_000.0).contains(&never), "{never}");
    }

    #[test]
    fn the_worst_is_a_request_per_timeout() {
        let race = Race {
            server: MS(5_000),
            client: None,
            round_trip: MS(50),
        };
        let worst = race.worst_per_million();
        for rate in [0.01, 0.1, 0.15, 0.25, 0.5, 1.0, 10.0] {
            assert!(race.per_million(rate) < worst, "{rate}");
        }
        assert!(race.per_million(0.0) < 1e-9);
    }
}
