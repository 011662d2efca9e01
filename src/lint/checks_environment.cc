// Variables: secrets, and those that choose code.
#include <algorithm>

#include "lint/rule.h"
#include "policy/paths.h"
#include "policy/scalars.h"

namespace moat::lint {

using policy::Quote;

namespace {

// Parts of names between underscores.
constexpr std::string_view kSecretParts[] = {"KEY",        "TOKEN",       "SECRET", "SECRETS", "PASS",   "PASSWORD", "PASSWD",
                                             "PASSPHRASE", "CREDENTIALS", "CREDENTIAL", "APIKEY", "PWD", "COOKIE",  "AUTH"};
constexpr std::string_view kChoosesCode[] = {
    "BASH_ENV", "ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PERL5LIB", "PERL5OPT", "PERLLIB", "RUBYLIB", "RUBYOPT",
    "NODE_OPTIONS", "NODE_PATH", "GCONV_PATH", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH", "GIO_MODULE_DIR",
    "GTK_MODULES", "GTK_PATH", "QT_PLUGIN_PATH", "MAGICK_CODER_MODULE_PATH", "OPENSSL_CONF", "OPENSSL_ENGINES", "IFS"};
constexpr std::string_view kSession[] = {"SSH_AUTH_SOCK", "SSH_AGENT_PID", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS",
                                         "XDG_RUNTIME_DIR", "DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "GPG_AGENT_INFO",
                                         "DOCKER_HOST", "NOTIFY_SOCKET", "LISTEN_FDS"};
constexpr std::string_view kCloud[] = {"AWS_", "AZURE_", "GOOGLE_", "GCP_", "KUBERNETES_", "VAULT_", "CONSUL_", "GITHUB_", "CI_"};

template <typename List>
bool In(const List& list, std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

bool Begins(std::string_view name, std::string_view head) { return name.substr(0, head.size()) == head; }

bool IsSecret(std::string_view name) {
  while (!name.empty()) {
    const std::string_view part = name.substr(0, name.find('_'));
    if (In(kSecretParts, part)) return true;
    name.remove_prefix(std::min(name.size(), part.size() + 1));
  }
  return false;
}

bool ChoosesCode(std::string_view name) { return Begins(name, "LD_") || In(kChoosesCode, name); }
bool IsCloud(std::string_view name) {
  return std::any_of(std::begin(kCloud), std::end(kCloud), [&](std::string_view head) { return Begins(name, head); });
}

template <typename Test>
void EachPassed(const Subject& subject, Test test, std::string_view what, Findings& findings) {
  for (const auto& entry : subject.model.environment.pass) {
    std::string_view name = entry.value;
    if (!name.empty() && name.back() == '*') name.remove_suffix(1);
    if (test(name)) findings.Add("`pass` of " + Quote(entry.value) + ": " + std::string(what), entry.origin);
  }
}

bool JobWrites(const policy::Model& model, std::string_view path) {
  return std::any_of(model.files.rules.begin(), model.files.rules.end(), [&](const policy::FileRule& rule) {
    const bool writable = rule.access == policy::FileAccess::kWrite || rule.access == policy::FileAccess::kScratch;
    return writable && policy::IsWithin(path, rule.target);
  });
}

// Empty entries of PATH mean the working folder.
bool IsUnsafe(const policy::Model& model, std::string_view folder) {
  return folder.empty() || folder[0] != '/' || JobWrites(model, folder) || policy::IsWithin(folder, model.files.output.value);
}

}  // namespace

void CheckEnvSecretPassed(const Subject& subject, Findings& findings) {
  EachPassed(subject, IsSecret, "its name says that it is a secret", findings);
}
void CheckEnvSecretWritten(const Subject& subject, Findings& findings) {
  for (const auto& [name, value] : subject.model.environment.set) {
    if (IsSecret(name) && !value.value.empty()) findings.Add("the value of " + Quote(name) + " stands in the policy", value.origin);
  }
}
void CheckEnvChoosesCode(const Subject& subject, Findings& findings) {
  EachPassed(subject, ChoosesCode, "the caller chooses what code is loaded", findings);
}
void CheckEnvCodeFixed(const Subject& subject, Findings& findings) {
  for (const auto& [name, value] : subject.model.environment.set) {
    if (ChoosesCode(name)) findings.Add(Quote(name) + " chooses code", value.origin);
  }
}
void CheckEnvWildcard(const Subject& subject, Findings& findings) {
  for (const auto& entry : subject.model.environment.pass) {
    if (!entry.value.empty() && entry.value.back() == '*') findings.Add("`pass` of " + Quote(entry.value), entry.origin);
  }
}
void CheckEnvSession(const Subject& subject, Findings& findings) {
  EachPassed(subject, [](std::string_view name) { return In(kSession, name); }, "it names a service of the session", findings);
}
void CheckEnvCloud(const Subject& subject, Findings& findings) {
  EachPassed(subject, IsCloud, "it belongs to a cloud or a cluster", findings);
}
void CheckEnvPathUnsafe(const Subject& subject, Findings& findings) {
  for (const auto& [name, value] : subject.model.environment.set) {
    if (name != "PATH") continue;
    std::string_view rest = value.value;
    while (true) {
      const std::string_view folder = rest.substr(0, rest.find(':'));
      if (IsUnsafe(subject.model, folder)) findings.Add("PATH holds " + Quote(folder), value.origin);
      if (folder.size() == rest.size()) break;
      rest.remove_prefix(folder.size() + 1);
    }
  }
}

}  // namespace moat::lint
