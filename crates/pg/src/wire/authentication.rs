//! Logging in: trust, clear text, MD5 and SCRAM-SHA-256, the last with channel binding under TLS.
//!
//! Never decides whether a method is safe enough: who opened the socket has decided that.

use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;

use super::{Frame, Wire, WireError};
use crate::connect::Login;

impl Wire {
    /// Does what the server asks for until it says that all is well.
    pub(super) async fn authenticate(&mut self, login: &Login) -> Result<(), WireError> {
        let password = || login.password.as_deref().map(str::as_bytes).ok_or(WireError::PasswordMissing);
        let asked = self.authentication().await?;
        if login.binding_required && !matches!(asked, Message::AuthenticationSasl(_)) {
            return Err(WireError::Authentication("channel binding is required, and not offered".to_owned()));
        }
        match asked {
            Message::AuthenticationOk => return Ok(()),
            Message::AuthenticationCleartextPassword => {
                frontend::password_message(password()?, self.outbox()).map_err(WireError::protocol)?;
            }
            Message::AuthenticationMd5Password(body) => {
                let hash = md5_hash(login.user.as_bytes(), password()?, body.salt());
                frontend::password_message(hash.as_bytes(), self.outbox()).map_err(WireError::protocol)?;
            }
            Message::AuthenticationSasl(body) => self.scram(&body, password()?, login).await?,
            _ => {
                return Err(WireError::Authentication(
                    "the server asks for a method that is not supported".to_owned(),
                ));
            }
        }
        match self.authentication().await? {
            Message::AuthenticationOk => Ok(()),
            _ => Err(WireError::Protocol("the server asks to log in a second time".to_owned())),
        }
    }

    /// RFC 5802 and RFC 7677; the server proves that it knows the password, too.
    async fn scram(
        &mut self,
        offered: &AuthenticationSaslBody,
        password: &[u8],
        login: &Login,
    ) -> Result<(), WireError> {
        let (mut plain, mut plus) = (false, false);
        let mut mechanisms = offered.mechanisms();
        while let Some(mechanism) = mechanisms.next().map_err(WireError::protocol)? {
            plain |= mechanism == SCRAM_SHA_256;
            plus |= mechanism == SCRAM_SHA_256_PLUS;
        }
        let (mechanism, binding) = match &login.channel_binding {
            Some(hash) if plus => (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(hash.clone())),
            _ if login.binding_required => {
                return Err(WireError::Authentication(
                    "channel binding is required, and not offered".to_owned(),
                ));
            }
            // Tells the server that binding was possible, so that nobody in between can have removed the offer.
            Some(_) if plain => (SCRAM_SHA_256, ChannelBinding::unrequested()),
            None if plain => (SCRAM_SHA_256, ChannelBinding::unsupported()),
            _ => {
                return Err(WireError::Authentication(
                    "the server offers no SASL mechanism that is supported".to_owned(),
                ));
            }
        };
        let mut scram = ScramSha256::new(password, binding);
        frontend::sasl_initial_response(mechanism, scram.message(), self.outbox())
            .map_err(WireError::protocol)?;
        let Message::AuthenticationSaslContinue(body) = self.authentication().await? else {
            return Err(WireError::Protocol("SCRAM does not go on".to_owned()));
        };
        let wrong = |error: std::io::Error| WireError::Authentication(error.to_string());
        scram.update(body.data()).map_err(wrong)?;
        frontend::sasl_response(scram.message(), self.outbox()).map_err(WireError::protocol)?;
        let Message::AuthenticationSaslFinal(body) = self.authentication().await? else {
            return Err(WireError::Protocol("SCRAM does not end".to_owned()));
        };
        scram.finish(body.data()).map_err(wrong)
    }

    async fn authentication(&mut self) -> Result<Message, WireError> {
        match self.receive().await? {
            Frame::Other(message) => Ok(message),
            _ => Err(WireError::Protocol("the stream begins before login".to_owned())),
        }
    }
}
