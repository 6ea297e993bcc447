//! Who asks about a group: a client of its own, thrown away when an answer does not come.
//!
//! librdkafka goes on looking for the coordinator of a group after it has given up the question, and when it finds one it
//! touches what it has freed, which ends the process (2.12.1: `rd_kafka_admin_coord_request` frees what
//! `rd_kafka_coord_req_fail` passes on). So it must not give up: it may take as long as it can be told to, and whoever
//! does not want to wait any more ends the client, which ends the search as well. And a client that has found a
//! coordinator goes on asking it when the group has another one; nothing but a commit in a transaction forgets it.
//!
//! Knows how long a client lives. Does not know what is asked.

use std::rc::Rc;

use super::client::KafkaClients;
use super::sys::Client;
use crate::transport::TransportError;

/// The client for one group.
pub(super) struct GroupAsker {
    clients: KafkaClients,
    group: Rc<str>,
    client_id: String,
    client: Option<Rc<Client>>,
}

impl GroupAsker {
    pub(super) fn new(clients: KafkaClients, group: Rc<str>, client_id: String) -> GroupAsker {
        GroupAsker { clients, group, client_id, client: None }
    }

    pub(super) fn group(&self) -> &str {
        &self.group
    }

    /// The client that is asked next; made if there is none.
    pub(super) fn client(&mut self) -> Result<Rc<Client>, TransportError> {
        match &self.client {
            Some(client) => Ok(Rc::clone(client)),
            None => {
                let client = Rc::new(self.clients.asker(&self.group, &self.client_id)?);
                self.client = Some(Rc::clone(&client));
                Ok(client)
            }
        }
    }

    /// Ends the client, once nobody holds a question to it.
    pub(super) fn discard(&mut self) {
        self.client = None;
    }
}
