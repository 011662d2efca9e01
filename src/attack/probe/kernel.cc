// Calls into parts of the kernel that a job has no business with. Arguments are such that even
// a call that is let through changes nothing.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

Verdict BpfMap() {
  union bpf_attr attributes = {};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = attributes.value_size = 4;
  attributes.max_entries = 1;
  return Turned(syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes)), "bpf(MAP_CREATE)");
}
Verdict BpfProgram() {
  union bpf_attr attributes = {};
  return Turned(syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)), "bpf(PROG_LOAD)");
}
Verdict Perf() {
  struct perf_event_attr attributes = {};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof(attributes);
  return Turned(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0), "perf_event_open");
}
Verdict Userfault() { return Turned(syscall(SYS_userfaultfd, O_CLOEXEC), "userfaultfd"); }
Verdict UserfaultUser() { return Turned(syscall(SYS_userfaultfd, O_CLOEXEC | 1), "userfaultfd(USER_MODE_ONLY)"); }
Verdict AddKey() { return Turned(syscall(SYS_add_key, "user", "moat-escape", "x", 1, -2), "add_key"); }
Verdict RequestKey() { return Turned(syscall(SYS_request_key, "user", "moat-escape", nullptr, 0), "request_key"); }
Verdict SessionKeyring() { return Turned(syscall(SYS_keyctl, 0, -3, 1), "keyctl(GET_KEYRING_ID)"); }
Verdict Kexec() { return Turned(syscall(SYS_kexec_load, 0, 1UL << 30, nullptr, 0), "kexec_load"); }
Verdict KexecFile() { return Turned(syscall(SYS_kexec_file_load, -1, -1, 0, nullptr, ~0UL), "kexec_file_load"); }
Verdict InitModule() { return Turned(syscall(SYS_init_module, nullptr, 0, ""), "init_module"); }
Verdict FinitModule() { return Turned(syscall(SYS_finit_module, -1, "", 0), "finit_module"); }
Verdict DeleteModule() { return Turned(syscall(SYS_delete_module, "moat-no-such-module", O_NONBLOCK), "delete_module"); }
Verdict Reboot() { return Turned(syscall(SYS_reboot, 1, 2, 3, nullptr), "reboot"); }
Verdict Swapon() { return Turned(syscall(SYS_swapon, "/no/such/file", 0), "swapon"); }
Verdict Swapoff() { return Turned(syscall(SYS_swapoff, "/no/such/file"), "swapoff"); }
Verdict Acct() { return Turned(syscall(SYS_acct, "/no/such/file"), "acct"); }
#if defined(__x86_64__)
Verdict Iopl() { return Turned(syscall(SYS_iopl, 3), "iopl"); }
Verdict Ioperm() { return Turned(syscall(SYS_ioperm, 0x80, 1, 1), "ioperm"); }
#endif
Verdict Adjtimex() {
  struct timex now = {};
  if (adjtimex(&now) < 0 && Outside()) return NotHere("adjtimex: %s", strerror(errno));
  if (now.tick == 0) now.tick = 10000;
  now.modes = ADJ_TICK;  // to what it is
  return Turned(syscall(SYS_adjtimex, &now), "adjtimex");
}
Verdict Settime() { return Turned(syscall(SYS_clock_settime, CLOCK_REALTIME, nullptr), "clock_settime"); }
Verdict Sethostname() {
  struct utsname facts;
  uname(&facts);
  return Turned(sethostname(facts.nodename, strlen(facts.nodename)), "sethostname");
}
Verdict Setdomainname() {
  struct utsname facts;
  uname(&facts);
  return Turned(setdomainname(facts.domainname, strlen(facts.domainname)), "setdomainname");
}
Verdict Syslog() { return Turned(syscall(SYS_syslog, 3, nullptr, 0), "syslog"); }
Verdict Quotactl() { return Turned(syscall(SYS_quotactl, 0x80000700, "/no/such/device", 0, nullptr), "quotactl"); }
Verdict Vmsplice() { return Turned(syscall(SYS_vmsplice, -1, nullptr, 0, 0), "vmsplice"); }
// The policy answers EINVAL on purpose, which programs copy by hand on; so must be tried for real.
Verdict Splice() {
  int in[2], out[2];
  if (pipe(in) != 0 || pipe(out) != 0) return NotHere("no pipes");
  if (write(in[1], "x", 1) != 1) return NotHere("no write");
  return Failed(splice(in[0], nullptr, out[1], nullptr, 1, 0), "splice");
}
Verdict Tee() {
  int in[2], out[2];
  if (pipe(in) != 0 || pipe(out) != 0) return NotHere("no pipes");
  if (write(in[1], "x", 1) != 1) return NotHere("no write");
  return Failed(tee(in[0], out[1], 1, 0), "tee");
}
Verdict MovePages() {
  static char page[4096];
  void* pages[] = {page};
  int status[1], nodes[1] = {0};
  return Turned(syscall(SYS_move_pages, 0, 1UL, pages, nodes, status, 0), "move_pages");
}
Verdict Kcmp() { return Turned(syscall(SYS_kcmp, getpid(), getpid(), 1, 0, 0), "kcmp"); }
Verdict SecretMemory() { return Turned(syscall(447, 0), "memfd_secret"); }
Verdict RemapFilePages() { return Turned(syscall(SYS_remap_file_pages, 0, 0, 0, 0, 0), "remap_file_pages"); }
Verdict Fifo() {
  struct sched_param parameters = {};
  parameters.sched_priority = 1;
  return Turned(sched_setscheduler(0, SCHED_FIFO, &parameters), "sched_setscheduler(FIFO)");
}
Verdict Deadline() {
  struct {
    unsigned size, policy;
    unsigned long long flags;
    int nice;
    unsigned priority;
    unsigned long long runtime, deadline, period;
  } attributes = {48, 6, 0, 0, 0, 10000000, 100000000, 100000000};
  return Turned(syscall(SYS_sched_setattr, 0, &attributes, 0), "sched_setattr(DEADLINE)");
}
Verdict RealTimeIo() { return Turned(syscall(SYS_ioprio_set, 1, 0, 1 << 13), "ioprio_set(RT)"); }
// First as low as it goes, so that the attempt is a raise wherever the run began.
Verdict Nicer() {
  setpriority(PRIO_PROCESS, 0, 19);
  return Turned(setpriority(PRIO_PROCESS, 0, 18), "setpriority(18) after 19");
}
Verdict AioSetup() {
  unsigned long context = 0;
  return Turned(syscall(SYS_io_setup, 1, &context), "io_setup");
}
Verdict ShadowStack() { return Turned(syscall(453, 0, 4096, 0), "map_shadow_stack"); }
Verdict SetMm() { return Turned(prctl(PR_SET_MM, PR_SET_MM_BRK, 0, 0, 0), "prctl(PR_SET_MM)"); }
Verdict Merge() { return Turned(prctl(67, 1, 0, 0, 0), "prctl(PR_SET_MEMORY_MERGE)"); }
Verdict ProcessMadvise() {
  return Turned(syscall(SYS_process_madvise, syscall(SYS_pidfd_open, getpid(), 0), nullptr, 0, MADV_COLD, 0), "process_madvise");
}

// It makes the host's disks busy, for as long as somebody repeats it. Where it is only said to have worked, it
// works on no descriptor at all.
Verdict Syncfs() {
  const long result = syscall(SYS_syncfs, -1);
  if (result == 0) return Closed("syncfs: nothing was done");
  return Turned(result, "syncfs");
}

constexpr Probe kProbes[] = {
    {"bpf-map", BpfMap},
    {"bpf-program", BpfProgram},
    {"perf-event", Perf},
    {"userfaultfd", Userfault},
    {"userfaultfd-user", UserfaultUser},
    {"add-key", AddKey},
    {"request-key", RequestKey},
    {"session-keyring", SessionKeyring},
    {"kexec", Kexec},
    {"kexec-file", KexecFile},
    {"init-module", InitModule},
    {"finit-module", FinitModule},
    {"delete-module", DeleteModule},
    {"reboot", Reboot},
    {"swapon", Swapon},
    {"swapoff", Swapoff},
    {"acct", Acct},
#if defined(__x86_64__)
    {"iopl", Iopl},
    {"ioperm", Ioperm},
#endif
    {"adjtimex", Adjtimex},
    {"clock-settime", Settime},
    {"sethostname", Sethostname},
    {"setdomainname", Setdomainname},
    {"syslog", Syslog},
    {"quotactl", Quotactl},
    {"vmsplice", Vmsplice},
    {"splice", Splice},
    {"tee", Tee},
    {"move-pages", MovePages},
    {"kcmp", Kcmp},
    {"memfd-secret", SecretMemory},
    {"remap-file-pages", RemapFilePages},
    {"realtime-fifo", Fifo},
    {"realtime-io", RealTimeIo},
    {"negative-nice", Nicer},
    {"realtime-deadline", Deadline},
    {"aio", AioSetup},
    {"shadow-stack", ShadowStack},
    {"set-mm", SetMm},
    {"memory-merge", Merge},
    {"process-madvise", ProcessMadvise},
    {"syncfs", Syncfs},
};

}  // namespace

Probes KernelProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::attack::inside
