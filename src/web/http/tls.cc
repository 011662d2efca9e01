#include "web/http/tls.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>

#include "sys/calls.h"

namespace moat::web {
namespace {

// What the library has to say about the file, and no more: its queue is per thread.
Error Refused(const char* what, const std::string& path) {
  char text[256] = "not understood";
  if (const unsigned long code = ERR_peek_last_error(); code != 0) ERR_error_string_n(code, text, sizeof(text));
  ERR_clear_error();
  return PolicyError(std::string(what) + " `" + path + "`: " + text);
}

int GiveNoPassphrase(char*, int, int, void*) { return -1; }  // else it would ask on the terminal

// Looked at and read by one descriptor: what is used is what was looked at.
Status LoadKey(SSL_CTX* context, const std::string& path) {
  const sys::Fd file = MOAT_TRY(sys::open(path, O_RDONLY));
  const struct stat facts = MOAT_TRY(sys::fstat(file, path));
  if ((facts.st_mode & 077) != 0) return WithFix(PolicyError("the key `" + path + "` can be read by others"), "chmod 0600 " + path);
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new_fd(file.get(), BIO_NOCLOSE), BIO_free);
  if (text == nullptr) return SystemError("BIO_new_fd", ENOMEM);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(PEM_read_bio_PrivateKey(text.get(), nullptr, GiveNoPassphrase, nullptr),
                                                               EVP_PKEY_free);
  if (key == nullptr || SSL_CTX_use_PrivateKey(context, key.get()) != 1) return Refused("the key", path);
  if (SSL_CTX_check_private_key(context) != 1) return Refused("the key does not belong to the certificate:", path);
  return {};
}

Status LoadOwn(SSL_CTX* context, const TlsConfig& config) {
  if (SSL_CTX_use_certificate_chain_file(context, config.certificate.c_str()) != 1) return Refused("the certificate", config.certificate);
  return LoadKey(context, config.key);
}

Status LoadClients(SSL_CTX* context, const TlsConfig& config) {
  if (config.clients.empty()) return {};
  if (SSL_CTX_load_verify_locations(context, config.clients.c_str(), nullptr) != 1) return Refused("the clients' CA", config.clients);
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(config.clients.c_str());
  if (names == nullptr) return Refused("the clients' CA", config.clients);
  SSL_CTX_set_client_CA_list(context, names);  // takes them
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::Load(const TlsConfig& config) {
  if (config.certificate.empty()) return std::shared_ptr<const TlsContext>();
  ERR_clear_error();
  SSL_CTX* raw = SSL_CTX_new(TLS_server_method());
  if (raw == nullptr) return SystemError("SSL_CTX_new", ENOMEM);
  std::shared_ptr<const TlsContext> context(new TlsContext(raw));
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  // A write that waited is tried again from wherever the library has moved the bytes to.
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(raw, GiveNoPassphrase);
  MOAT_TRY(LoadOwn(raw, config));
  MOAT_TRY(LoadClients(raw, config));
  return context;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

std::unique_ptr<TlsSession> TlsSession::Start(std::shared_ptr<const TlsContext> context, int socket) {
  SSL* session = SSL_new(context->context_);
  if (session == nullptr) return nullptr;
  std::unique_ptr<TlsSession> made(new TlsSession(std::move(context), session));
  if (SSL_set_fd(session, socket) != 1) return nullptr;
  SSL_set_accept_state(session);
  return made;
}

TlsSession::~TlsSession() { SSL_free(session_); }

ssize_t TlsSession::Outcome(int code) {
  switch (SSL_get_error(session_, code)) {
    case SSL_ERROR_WANT_READ:
      wants_ = POLLIN;
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_WANT_WRITE:
      wants_ = POLLOUT;
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      // Also an end without a goodbye: what was sent may be cut short, and is not taken for whole.
      broken_ = true;
      ERR_clear_error();
      errno = EPROTO;
      return -1;
  }
}

ssize_t TlsSession::Receive(char* to, std::size_t size) {
  ERR_clear_error();
  const int got = SSL_read(session_, to, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
  return got > 0 ? got : Outcome(got);
}

ssize_t TlsSession::Send(const char* from, std::size_t size) {
  if (size == 0) return 0;
  ERR_clear_error();
  const int sent = SSL_write(session_, from, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
  return sent > 0 ? sent : Outcome(sent) == 0 ? (errno = EPIPE, -1) : -1;
}

bool TlsSession::established() const { return SSL_is_init_finished(session_) == 1; }

void TlsSession::SayGoodbye() {
  ERR_clear_error();
  if (!broken_ && established()) SSL_shutdown(session_);  // does not wait for the answer
  ERR_clear_error();
}

const std::string& TlsSession::subject() {
  if (knows_subject_ || !established()) return subject_;
  knows_subject_ = true;
  X509* certificate = SSL_get0_peer_certificate(session_);
  if (certificate == nullptr || SSL_get_verify_result(session_) != X509_V_OK) return subject_;
  BIO* text = BIO_new(BIO_s_mem());
  if (text == nullptr) return subject_;
  if (X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(text, &bytes);
    if (size > 0) subject_.assign(bytes, static_cast<std::size_t>(size));
  }
  BIO_free(text);
  return subject_;
}

}  // namespace moat::web
