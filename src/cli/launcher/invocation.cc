#include "cli/launcher/invocation.h"

#include <cstdlib>

#include "base/similar.h"
#include "policy/flags.h"

namespace moat::launcher {
namespace {

Error FlagError(std::string message, std::string fix = {}) {
  Error error = PolicyError(std::move(message));
  error.fix = std::move(fix);
  return error;
}

Error Unknown(const std::string& word) {
  std::string name = word;
  while (!name.empty() && name[0] == '-') name.erase(0, 1);
  std::string_view best;
  std::size_t distance = 3;
  for (const flags::Flag& flag : flags::kFlags) {
    const std::size_t d = base::EditDistance(name, flag.name);
    if (d < distance) {
      distance = d;
      best = flag.name;
    }
  }
  std::string fix = best.empty() ? "`moat run --help` lists the flags" : "did you mean `--" + std::string(best) + "`?";
  return FlagError("unknown flag `" + word + "`", std::move(fix));
}

struct Word {
  const flags::Flag* flag = nullptr;
  std::string value;
  bool has_value = false;
};

// --name, --name=value, -x, -xVALUE.
Word Split(const std::string& text) {
  Word word;
  if (text.size() > 2 && text[0] == '-' && text[1] == '-') {
    const std::size_t equals = text.find('=');
    word.flag = flags::Find(text.substr(2, equals == std::string::npos ? equals : equals - 2));
    if (word.flag != nullptr && word.flag->name.size() == 1) word.flag = nullptr;
    if (equals != std::string::npos) {
      word.value = text.substr(equals + 1);
      word.has_value = true;
    }
  } else if (text.size() >= 2 && text[1] != '-') {
    word.flag = flags::Find(text.substr(1, 1));
    if (text.size() > 2) {
      word.value = text.substr(2);
      word.has_value = true;
    }
  }
  return word;
}

Status Take(Invocation& run, const flags::Flag& flag, std::string value) {
  if (flag.name == "env") {
    run.environment.push_back(std::move(value));  // never part of a plan: it may be a secret
  } else if (flag.is_policy) {
    run.policy_flags.push_back({std::string(flag.name), std::move(value)});
  } else if (flag.name == "policy") {
    run.policy = std::move(value);
  } else if (flag.name == "input-file") {
    run.inputs.push_back(std::move(value));
  } else if (flag.name == "output-dir") {
    run.output_dir = std::move(value);
  } else if (flag.name == "report") {
    run.report = std::move(value);
  } else if (flag.name == "key") {
    run.key = std::move(value);
  } else if (flag.name == "no-cache") {
    run.no_cache = true;
  } else if (flag.name == "watch") {
    run.watch = true;
  } else if (flag.name == "help") {
    run.help = true;
  } else if (flag.name == "version") {
    run.version = true;
  } else {
    return FlagError("`--" + std::string(flag.name) + "` means nothing to `moat run`");
  }
  return {};
}

}  // namespace

std::string KeyOf(const Invocation& run) {
  if (!run.key.empty()) return run.key;
  std::string key;
  for (const std::string& word : run.inputs.empty() ? run.command : run.inputs) {
    key += word;
    key += '\0';
  }
  return key;
}

bool EnforcesNothing(const Invocation& run) {
  bool off = false;  // the last one counts
  for (const PolicyFlag& flag : run.policy_flags) {
    if (flag.name == "enforce") off = flag.value == "off";
  }
  return off;
}

Result<Invocation> ParseRun(const std::vector<std::string>& args) {
  Invocation run;
  std::size_t i = 0;
  for (; i < args.size(); ++i) {
    const std::string& text = args[i];
    if (text == "--") {
      ++i;
      break;
    }
    if (text.size() < 2 || text[0] != '-') break;
    if (text == "--inject" && i + 1 < args.size()) {
      run.inject = args[++i];
      continue;
    }
    if (text == "--watcher" && i + 1 < args.size()) {
      run.watcher = atoi(args[++i].c_str());
      continue;
    }
    if (text == "--without" && i + 1 < args.size()) {
      run.without = args[++i];
      run.no_cache = true;  // such a plan is for this one run
      continue;
    }
    Word word = Split(text);
    if (word.flag == nullptr) return Unknown(text);
    if (!word.flag->takes_value && word.has_value) {
      return FlagError("`--" + std::string(word.flag->name) + "` takes no value");
    }
    if (word.flag->takes_value && !word.has_value) {
      if (i + 1 >= args.size() || args[i + 1] == "--") {
        return FlagError("`" + text + "` needs a value: " + std::string(word.flag->value));
      }
      word.value = args[++i];
    }
    MOAT_TRY(Take(run, *word.flag, std::move(word.value)));
  }
  run.command.assign(args.begin() + static_cast<std::ptrdiff_t>(std::min(i, args.size())), args.end());
  if (run.command.empty() && !run.help && !run.version) {
    return FlagError("no command to run", "write it behind `--`: moat run -- convert in.png out.png");
  }
  return run;
}

}  // namespace moat::launcher
