//! The macros: what a user writes in one line.

/// A test that replays the committed findings of a system, then explores it.
///
/// Takes a [`System`](crate::System), or a search begun with [`explore`](crate::ExploreExt::explore). Findings are read from
/// `seeds/SYSTEM/` of the crate under test; a finding that fails again fails the test before anything is explored.
///
/// ```
/// use raddle::prelude::*;
///
/// struct Echo;
/// impl StateMachine for Echo {
///     type Message = u32;
///     type Update = u32;
///     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) { out.notify("right", n); }
///     fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
/// }
///
/// fn echo() -> System<Echo> {
///     System::new("echo").workers(["left", "right"], |_| Echo).messages("client", [("left", 1), ("left", 2)])
/// }
///
/// raddle::explore_test!(echo_is_clean, echo());
/// raddle::explore_test!(echo_is_clean_for_long, echo().explore().seeds(100_000).network(Network::Bag));
/// ```
#[cfg(feature = "sim")]
#[macro_export]
macro_rules! explore_test {
    ($name:ident, $what:expr $(,)?) => {
        #[test]
        fn $name() {
            $crate::explore_test($what, env!("CARGO_MANIFEST_DIR"));
        }
    };
}

/// Compares a [`Trace`](crate::Trace) with its snapshot: one line an event, a column a worker, made to diff well.
///
/// Takes what `insta::assert_snapshot!` takes: a name before the trace, an inline snapshot after it. With `ron:` before
/// the trace, the snapshot holds everything that is known of each event.
///
/// ```
/// use raddle::prelude::*;
///
/// struct Echo;
/// impl StateMachine for Echo {
///     type Message = u32;
///     type Update = u32;
///     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) { out.notify("right", n); }
///     fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
/// }
///
/// let system = System::new("echo").workers(["left", "right"], |_| Echo).messages("client", [("left", 7)]);
/// raddle::assert_trace_snapshot!(system.default_run(), @"
/// left   right
/// ●      │   client#0  7
/// ├─────▷│   client#0.0  7
/// │      ●   client#0.0
/// end: quiescent
/// ");
/// ```
#[cfg(feature = "insta")]
#[macro_export]
macro_rules! assert_trace_snapshot {
    (ron: $trace:expr $(, @$inline:literal)? $(,)?) => {{
        let trace = &$trace;
        $crate::__insta::assert_ron_snapshot!($crate::view::ron(trace) $(, @$inline)?);
    }};
    (ron: $name:expr, $trace:expr $(,)?) => {{
        let trace = &$trace;
        $crate::__insta::assert_ron_snapshot!($name, $crate::view::ron(trace));
    }};
    ($trace:expr $(, @$inline:literal)? $(,)?) => {{
        let trace = $crate::view::snapshot(&$trace);
        $crate::__insta::assert_snapshot!(trace $(, @$inline)?);
    }};
    ($name:expr, $trace:expr $(,)?) => {{
        let trace = $crate::view::snapshot(&$trace);
        $crate::__insta::assert_snapshot!($name, trace);
    }};
}

/// A `main` with the whole `raddle` command for systems of your own.
///
/// Takes [`Entry`](crate::catalog::Entry) values, which have parameters and planted bugs, and plain
/// [`System`](crate::System) values.
///
/// ```
/// use raddle::prelude::*;
///
/// struct Echo;
/// impl StateMachine for Echo {
///     type Message = u32;
///     type Update = u32;
///     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) { out.notify("right", n); }
///     fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
/// }
///
/// fn echo() -> System<Echo> {
///     System::new("echo").workers(["left", "right"], |_| Echo).messages("client", [("left", 1), ("left", 2)])
/// }
///
/// raddle::main!(echo());
/// ```
#[cfg(feature = "cli")]
#[macro_export]
macro_rules! main {
    ($($system:expr),+ $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::cli::main([$($crate::catalog::Entry::from($system)),+])
        }
    };
}
