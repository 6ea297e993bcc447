//! The connections of a proxy: two threads each, one per direction.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::Half;
use super::faults::{Fault, Faults};
use super::frame::Frame;

/// A port of this process that leads to one listener of a broker. It lives as long as the broker.
#[derive(Debug)]
pub(crate) struct Line {
    listener: TcpListener,
    /// Where the broker listens; known when its ports have been chosen.
    broker: AtomicU16,
    /// By a test.
    pub(super) taken: AtomicBool,
    /// Whether connections are let through.
    pub(super) open: AtomicBool,
    /// The broker is gone.
    closed: AtomicBool,
    pub(super) faults: Faults,
    /// In bytes a second, each connection and direction; 0 is as fast as it goes.
    pub(super) speed: AtomicU32,
    connections: Mutex<Vec<Arc<Connection>>>,
}

/// Both ends of a connection.
#[derive(Debug)]
struct Connection {
    client: TcpStream,
    broker: TcpStream,
    /// What happens to the answers of requests under way, by their numbers.
    fates: Mutex<HashMap<i32, Fault>>,
    /// One direction was closed, and its other end is not told.
    half_closed: AtomicBool,
    /// Both were.
    over: AtomicBool,
}

impl Line {
    /// A port, and a thread that takes connections on it.
    pub(crate) fn start() -> Arc<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let line = Arc::new(Self {
            listener,
            broker: AtomicU16::new(0),
            taken: AtomicBool::new(false),
            open: AtomicBool::new(true),
            closed: AtomicBool::new(false),
            faults: Faults::default(),
            speed: AtomicU32::new(0),
            connections: Mutex::default(),
        });
        let acceptor = Arc::clone(&line);
        thread::spawn(move || acceptor.accept());
        line
    }

    /// Where clients connect to.
    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().expect("a bound listener has an address").port()
    }

    /// Where connections lead to.
    pub(crate) fn leads_to(&self, broker: u16) {
        self.broker.store(broker, Ordering::SeqCst);
    }

    /// Takes no more connections, and ends those it has.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.cut();
        // Whoever waits for a connection gets one and sees that it was the last.
        let _ = TcpStream::connect(("127.0.0.1", self.port()));
    }

    /// Ends all connections.
    pub(super) fn cut(&self) {
        self.connections.lock().unwrap().drain(..).for_each(|connection| connection.cut());
    }

    /// Closes one direction of all connections; the other one stays open.
    pub(super) fn half_close(&self, half: Half) {
        self.connections.lock().unwrap().iter().for_each(|connection| connection.half_close(half));
    }

    fn accept(self: &Arc<Self>) {
        for client in self.listener.incoming() {
            if self.closed.load(Ordering::SeqCst) {
                return;
            }
            // A client that gave up, or a broker that is down: the client sees a connection that ends at once.
            let connected = client.and_then(|client| self.connect(client));
            if let Ok(connection) = connected {
                self.serve(connection);
            }
        }
    }

    fn connect(&self, client: TcpStream) -> io::Result<Connection> {
        if !self.open.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let broker = TcpStream::connect(("127.0.0.1", self.broker.load(Ordering::SeqCst)))?;
        client.set_nodelay(true)?;
        broker.set_nodelay(true)?;
        Ok(Connection {
            client,
            broker,
            fates: Mutex::default(),
            half_closed: AtomicBool::new(false),
            over: AtomicBool::new(false),
        })
    }

    fn serve(self: &Arc<Self>, connection: Connection) {
        let there = Arc::new(connection);
        let back = Arc::clone(&there);
        {
            let mut connections = self.connections.lock().unwrap();
            connections.retain(|connection| !connection.over.load(Ordering::SeqCst));
            connections.push(Arc::clone(&there));
        }
        let (line, other) = (Arc::clone(self), Arc::clone(self));
        // An end of one direction is the end of both, unless one was closed alone.
        thread::spawn(move || {
            let _ = there.requests(&line);
            there.cut();
        });
        thread::spawn(move || {
            let _ = back.answers(&other);
            if !back.half_closed.load(Ordering::SeqCst) {
                back.cut();
            }
        });
    }

    /// Passes a message on, no faster than the line is.
    fn pass(&self, frame: &Frame, mut to: &TcpStream) -> io::Result<()> {
        let speed = self.speed.load(Ordering::SeqCst);
        if speed > 0 {
            thread::sleep(Duration::from_secs_f64(frame.len() as f64 / f64::from(speed)));
        }
        frame.write(&mut to)
    }
}

impl Connection {
    fn cut(&self) {
        self.over.store(true, Ordering::SeqCst);
        // Already closed by the other side is as good.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.broker.shutdown(Shutdown::Both);
    }

    fn half_close(&self, half: Half) {
        self.half_closed.store(true, Ordering::SeqCst);
        let closed = match half {
            Half::Requests => &self.broker,
            Half::Answers => &self.client,
        };
        let _ = closed.shutdown(Shutdown::Write);
    }

    /// From the client to the broker, until one of them ends or a request is lost.
    fn requests(&self, line: &Line) -> io::Result<()> {
        loop {
            let frame = Frame::read(&mut &self.client)?;
            let (api, number) = frame.request().ok_or(io::ErrorKind::InvalidData)?;
            match line.faults.meet(api) {
                Some(Fault::LoseRequest) => return Ok(()),
                // Remembered before the broker can answer.
                Some(fault) => drop(self.fates.lock().unwrap().insert(number, fault)),
                None => {}
            }
            let passed = line.pass(&frame, &self.broker);
            // Who speaks into a connection whose other half was closed is not told.
            if !self.half_closed.load(Ordering::SeqCst) {
                passed?;
            }
        }
    }

    /// From the broker to the client, until one of them ends or an answer is lost.
    fn answers(&self, line: &Line) -> io::Result<()> {
        loop {
            let frame = Frame::read(&mut &self.broker)?;
            let number = frame.answer().ok_or(io::ErrorKind::InvalidData)?;
            let fate = self.fates.lock().unwrap().remove(&number);
            match fate {
                Some(Fault::LoseAnswer) => return Ok(()),
                Some(Fault::WithholdAnswer) => continue,
                Some(Fault::Delay(time)) => thread::sleep(time),
                Some(Fault::LoseRequest) | None => {}
            }
            let passed = line.pass(&frame, &self.client);
            if !self.half_closed.load(Ordering::SeqCst) {
                passed?;
            }
        }
    }
}
