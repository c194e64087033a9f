//! The cluster's name service: A and AAAA answers over UDP, which can be late, stale, empty or wrong.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use crate::{
    net::{NAME_SERVICE, NAME_SERVICE_6},
    tools::Result,
};

/// What every name stands for right now; names are whole, without the last dot.
pub type Names = BTreeMap<String, Vec<IpAddr>>;

/// How answers differ from the truth.
#[derive(Debug, Clone, Default)]
pub enum Lie {
    /// Not at all.
    #[default]
    Truth,
    /// No answer comes; the resolver waits until its own patience ends.
    Silence,
    /// No name exists.
    Empty,
    /// The server fails.
    Broken,
    /// Right, but after this time.
    Late(Duration),
    /// What was true once.
    Stale(Names),
    /// The right-hand name's addresses for the left-hand one; the truth for all others.
    Wrong(BTreeMap<String, String>),
}

/// The running name service.
pub struct NameService {
    lie: Mutex<Lie>,
    /// Lies told to one asker only.
    told_to: Mutex<HashMap<IpAddr, Lie>>,
    truth: Box<dyn Fn() -> Names + Send + Sync>,
}

impl NameService {
    /// Starts to answer; `truth` is asked for each question.
    pub fn start(truth: impl Fn() -> Names + Send + Sync + 'static) -> Result<Arc<NameService>> {
        let service = Arc::new(NameService {
            lie: Mutex::default(),
            told_to: Mutex::default(),
            truth: Box::new(truth),
        });
        service.answer_at(NAME_SERVICE.into())?;
        service.answer_at(NAME_SERVICE_6.into())?;
        Ok(service)
    }

    /// Answers at one more address.
    pub fn answer_at(self: &Arc<Self>, address: IpAddr) -> Result<()> {
        let socket = UdpSocket::bind((address, 53))?;
        let service = Arc::clone(self);
        thread::spawn(move || service.serve(&socket));
        Ok(())
    }

    /// Tells everyone a lie, or the truth again.
    pub fn tell(&self, lie: Lie) {
        *self.lie.lock().unwrap_or_else(PoisonError::into_inner) = lie;
    }

    /// Tells a lie to one asker only; the truth takes it back.
    pub fn tell_only(&self, asker: IpAddr, lie: Lie) {
        let mut told_to = self.told_to.lock().unwrap_or_else(PoisonError::into_inner);
        match lie {
            Lie::Truth => told_to.remove(&asker),
            lie => told_to.insert(asker, lie),
        };
    }

    /// All names as they are now.
    pub fn truth(&self) -> Names {
        (self.truth)()
    }

    fn serve(self: &Arc<Self>, socket: &UdpSocket) {
        let mut buffer = [0; 512];
        while let Ok((length, asker)) = socket.recv_from(&mut buffer) {
            let Some(question) = Question::read(&buffer[..length]) else { continue };
            let told = self.told_to.lock().unwrap_or_else(PoisonError::into_inner);
            let lie = told.get(&asker.ip()).cloned();
            drop(told);
            let lie = lie
                .unwrap_or_else(|| self.lie.lock().unwrap_or_else(PoisonError::into_inner).clone());
            self.answer(socket, asker, &question, lie);
        }
    }

    fn answer(
        self: &Arc<Self>,
        socket: &UdpSocket,
        asker: SocketAddr,
        question: &Question,
        lie: Lie,
    ) {
        let reply = |names: &Names, name: &str| match names.get(name) {
            Some(addresses) => question.reply(0, addresses),
            None => question.reply(3, &[]),
        };
        let packet = match lie {
            Lie::Truth => reply(&self.truth(), &question.name),
            Lie::Silence => return,
            Lie::Empty => question.reply(3, &[]),
            Lie::Broken => question.reply(2, &[]),
            Lie::Stale(names) => reply(&names, &question.name),
            Lie::Wrong(other) => {
                reply(&self.truth(), other.get(&question.name).unwrap_or(&question.name))
            }
            Lie::Late(delay) => {
                let packet = reply(&self.truth(), &question.name);
                if let Ok(socket) = socket.try_clone() {
                    thread::spawn(move || {
                        thread::sleep(delay);
                        // The asker may be gone by now.
                        let _ = socket.send_to(&packet, asker);
                    });
                }
                return;
            }
        };
        let _ = socket.send_to(&packet, asker);
    }
}

/// The one question of a request (RFC 1035, section 4.1).
struct Question {
    id: [u8; 2],
    name: String,
    /// Type and class as they stood in the request.
    kind: [u8; 4],
    /// The name, type and class as bytes, to be repeated in the reply.
    raw: Vec<u8>,
}

impl Question {
    fn read(packet: &[u8]) -> Option<Question> {
        let mut labels = Vec::new();
        let mut at = 12;
        loop {
            let length = usize::from(*packet.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            labels.push(std::str::from_utf8(packet.get(at..at + length)?).ok()?.to_lowercase());
            at += length;
        }
        let kind = packet.get(at..at + 4)?.try_into().ok()?;
        let raw = packet.get(12..at + 4)?.to_vec();
        Some(Question { id: packet.get(..2)?.try_into().ok()?, name: labels.join("."), kind, raw })
    }

    fn reply(&self, code: u8, addresses: &[IpAddr]) -> Vec<u8> {
        let wanted = |address: &&IpAddr| {
            matches!(
                (self.kind, address),
                ([0, 1, 0, 1], IpAddr::V4(_)) | ([0, 28, 0, 1], IpAddr::V6(_))
            )
        };
        let addresses: Vec<_> = addresses.iter().filter(wanted).collect();
        let mut packet = self.id.to_vec();
        // A reply, authoritative, recursion wanted and available.
        packet.extend([0x85, 0x80 | code, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
        packet.extend(&self.raw);
        for address in addresses {
            // The name of the question, its type and class, and 5 s to live.
            packet.extend([0xc0, 12]);
            packet.extend(self.kind);
            packet.extend([0, 0, 0, 5]);
            match address {
                IpAddr::V4(address) => {
                    packet.extend([0, 4]);
                    packet.extend(address.octets());
                }
                IpAddr::V6(address) => {
                    packet.extend([0, 16]);
                    packet.extend(address.octets());
                }
            }
        }
        packet
    }
}
