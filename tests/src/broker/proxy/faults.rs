//! What is to happen to requests, and what has happened.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use super::Api;

/// What can happen to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It never reaches the broker; the connection is cut.
    LoseRequest,
    /// The broker does what it is asked, the client never learns of it; the connection is cut.
    LoseAnswer,
    /// The broker does what it is asked and the client waits for the answer, on a connection that stays open.
    WithholdAnswer,
    /// The answer, and all behind it on the same connection, come later.
    Delay(Duration),
}

type Choice = Box<dyn FnMut(usize) -> Option<Fault> + Send>;

/// The faults of one proxy.
#[derive(Default)]
pub(super) struct Faults(Mutex<BTreeMap<Api, Requests>>);

/// Everything about requests of one kind.
#[derive(Default)]
struct Requests {
    seen: usize,
    struck: usize,
    /// Asked with the number of requests since it was set.
    choice: Option<(Choice, usize)>,
}

impl Faults {
    /// What happens to this request.
    pub(super) fn meet(&self, api: Api) -> Option<Fault> {
        let mut kinds = self.0.lock().unwrap();
        let requests = kinds.entry(api).or_default();
        requests.seen += 1;
        let (choose, before) = requests.choice.as_mut()?;
        let fault = choose(*before);
        *before += 1;
        requests.struck += usize::from(fault.is_some());
        fault
    }

    pub(super) fn script(&self, api: Api, choice: Choice) {
        self.0.lock().unwrap().entry(api).or_default().choice = Some((choice, 0));
    }

    pub(super) fn heal(&self) {
        self.0.lock().unwrap().values_mut().for_each(|requests| requests.choice = None);
    }

    pub(super) fn forget(&self) {
        self.0.lock().unwrap().clear();
    }

    pub(super) fn struck(&self, api: Api) -> usize {
        self.0.lock().unwrap().get(&api).map_or(0, |requests| requests.struck)
    }

    pub(super) fn seen(&self, api: Api) -> usize {
        self.0.lock().unwrap().get(&api).map_or(0, |requests| requests.seen)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Faults").finish_non_exhaustive()
    }
}
