//! Stands before a PostgreSQL server and asks for a password.

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::Place;

/// What a client sends that would speak TLS.
const SSL_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();

/// The guard; it ends with the runtime.
pub(crate) struct Guard {
    port: u16,
    user: String,
    database: String,
}

impl Guard {
    pub(crate) async fn start(place: &Place, password: &'static str) -> Self {
        let (user, address, database) = place.parts();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = address.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = server.clone();
                // A client that goes away midway is none of the guard's errors.
                tokio::spawn(async move { drop(admit(client, &server, password).await) });
            }
        });
        Self { port, user: user.to_owned(), database: database.to_owned() }
    }

    /// `password` is empty or begins with a colon.
    pub(crate) fn uri(&self, password: &str) -> String {
        format!("pgvector://{}{password}@localhost:{}/{}", self.user, self.port, self.database)
    }
}

async fn admit(mut client: TcpStream, server: &str, password: &str) -> std::io::Result<()> {
    let mut startup = message(&mut client).await?;
    if startup[4..8] == SSL_REQUEST {
        client.write_all(b"N").await?;
        startup = message(&mut client).await?;
    }
    client.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).await?;
    client.read_u8().await?;
    let given = message(&mut client).await?;
    if given[4..given.len() - 1] != *password.as_bytes() {
        let body = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0";
        client.write_u8(b'E').await?;
        client.write_u32(4 + body.len() as u32).await?;
        return client.write_all(body).await;
    }
    let mut server = TcpStream::connect(server).await?;
    server.write_all(&startup).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// A message that begins with its length.
async fn message(from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    let mut message = length.to_be_bytes().to_vec();
    message.resize(length as usize, 0);
    from.read_exact(&mut message[4..]).await?;
    Ok(message)
}
