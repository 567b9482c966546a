//! The mails, in plain text. Nothing that a stranger wrote stands in them.

use inkstone_domain::people::Mail;

/// Pages that take a token, with `{token}` where it goes; where there is none, the mail names the call
/// of the API instead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    pub invitation: Option<String>,
    pub verification: Option<String>,
    pub reset: Option<String>,
}

impl Links {
    pub(super) fn invitation(&self, to: &str, token: &str) -> Mail {
        let way = way(
            &self.invitation,
            token,
            "POST /v1/auth/signup",
            "invitation",
        );
        letter(
            to,
            "You are invited",
            &format!("You are invited to make an account here.\n\n{way}"),
        )
    }

    pub(super) fn verification(&self, to: &str, token: &str) -> Mail {
        let way = way(
            &self.verification,
            token,
            "POST /v1/auth/email/verify",
            "token",
        );
        letter(
            to,
            "Confirm your e-mail address",
            &format!(
                "Somebody, probably you, made an account with this address.\n\n{way}\n\
                 If it was not you, do nothing: the account cannot be used.\n\
                 If you did it more than once, what you gave the first time holds."
            ),
        )
    }

    /// To somebody who signs up though an earlier sign-up waits for its mail to be followed.
    pub(super) fn signed_up_again(&self, to: &str, token: &str) -> Mail {
        let way = way(&self.reset, token, "POST /v1/auth/password/reset", "token");
        letter(
            to,
            "Set the password of your account",
            &format!(
                "Somebody, probably you, signed up with this address again, before a\n\
                 first time was confirmed. What was given now is not kept. Set a password\n\
                 to have the account.\n\n{way}\n\
                 If the first time was you, its mail still holds. If it was never you, do\n\
                 nothing: the account cannot be used."
            ),
        )
    }

    pub(super) fn reset(&self, to: &str, token: &str) -> Mail {
        let way = way(&self.reset, token, "POST /v1/auth/password/reset", "token");
        letter(
            to,
            "Set a new password",
            &format!(
                "Somebody, probably you, has forgotten the password of this account.\n\n{way}\n\
                 If it was not you, do nothing: your password stays as it is."
            ),
        )
    }

    /// To somebody whose second factor an admin took away.
    pub(super) fn second_factor_gone(&self, to: &str) -> Mail {
        letter(
            to,
            "Your second factor was turned off",
            "An admin has turned off the second factor of this account. You sign in without a code now; \
             set up a new app as soon as you can.\n\n\
             If you have not asked for it, tell your admin, and change your password.\n",
        )
    }

    /// To somebody who signs up though they have an account.
    pub(super) fn account_exists(&self, to: &str) -> Mail {
        letter(
            to,
            "You have an account already",
            "Somebody, probably you, tried to make an account with this address. There is one already, \
             and nothing was changed. If you have forgotten its password, ask for a new one.\n",
        )
    }
}

fn letter(to: &str, subject: &str, text: &str) -> Mail {
    Mail {
        to: to.to_owned(),
        subject: subject.to_owned(),
        text: text.to_owned(),
    }
}

fn way(link: &Option<String>, token: &str, call: &str, field: &str) -> String {
    match link {
        Some(link) => format!("Follow this link:\n\n{}\n", link.replace("{token}", token)),
        None => format!("Your token, to be sent as `{field}` to `{call}`:\n\n{token}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_has_a_link_or_names_the_call() {
        let to = "ada@example.org";
        let plain = Links::default().reset(to, "tok");
        assert!(plain.text.contains("\ntok\n"), "{}", plain.text);
        assert!(plain.text.contains("POST /v1/auth/password/reset"));
        let links = Links {
            reset: Some("https://a.example.org/reset?t={token}".to_owned()),
            ..Links::default()
        };
        let linked = links.reset(to, "tok");
        let link = "\nhttps://a.example.org/reset?t=tok\n";
        assert!(linked.text.contains(link), "{}", linked.text);
        for mail in [
            plain,
            links.invitation(to, "tok"),
            links.verification(to, "tok"),
            links.signed_up_again(to, "tok"),
            links.account_exists(to),
            links.second_factor_gone(to),
        ] {
            assert_eq!(mail.to, to);
            assert!(!mail.subject.contains(['\r', '\n']));
        }
    }
}
