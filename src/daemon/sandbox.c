/*
 * seccomp: the system calls each role needs, and none else. What is not on the
 * list fails with EPERM, so that a libc that tries something new degrades and
 * is not killed in the middle of a mail.
 */
#include <errno.h>
#include <string.h>
#ifdef HAVE_LIBSECCOMP
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#endif

#include "daemon.h"
#include "mxward/log.h"

#ifdef HAVE_LIBSECCOMP

/* clang-format off */

/* A loop, sockets that are there already, memory, time, the log. */
static const int everyone[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
	SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg), SCMP_SYS(close), SCMP_SYS(shutdown),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_create1), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_create),
	SCMP_SYS(eventfd2), SCMP_SYS(pipe2), SCMP_SYS(fcntl),
	SCMP_SYS(getsockopt), SCMP_SYS(getsockname),
	SCMP_SYS(getpeername), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(futex), SCMP_SYS(getrandom),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(sched_yield),
	SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(tgkill), SCMP_SYS(uname), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(lseek), SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list), SCMP_SYS(membarrier), SCMP_SYS(select),
	SCMP_SYS(pselect6), SCMP_SYS(epoll_create),
};

static const int doors_calls[] = {
	SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
};

/* The database, log directories, the journal, name look-ups for ignoreip. */
static const int engine_calls[] = {
	SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(open), SCMP_SYS(openat),
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(access),
	SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(getdents64),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(pread64),
	SCMP_SYS(pwrite64), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
	SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(fchmod), SCMP_SYS(fchown),
	SCMP_SYS(mkdir), SCMP_SYS(getcwd), SCMP_SYS(fstatfs), SCMP_SYS(statfs),
	SCMP_SYS(inotify_init1), SCMP_SYS(inotify_add_watch),
	SCMP_SYS(inotify_rm_watch), SCMP_SYS(socket), SCMP_SYS(connect),
	SCMP_SYS(bind), SCMP_SYS(sysinfo), SCMP_SYS(prlimit64),
	SCMP_SYS(getrlimit), SCMP_SYS(sched_getaffinity), SCMP_SYS(ioctl),
	SCMP_SYS(fadvise64), SCMP_SYS(dup), SCMP_SYS(name_to_handle_at),
};

/* Netlink, and the files libnftables looks for. */
static const int enforcer_calls[] = {
	SCMP_SYS(socket), SCMP_SYS(bind), SCMP_SYS(open), SCMP_SYS(openat),
	SCMP_SYS(stat), SCMP_SYS(statx), SCMP_SYS(access),
	SCMP_SYS(faccessat2), SCMP_SYS(getdents64), SCMP_SYS(ioctl),
	SCMP_SYS(connect), SCMP_SYS(pread64), SCMP_SYS(prlimit64),
	SCMP_SYS(readlink), SCMP_SYS(sysinfo),
};

/* clang-format on */

static int
allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
		if (rc != 0 && rc != -EDOM) /* not on this architecture */
			return rc;
	}
	return 0;
}

/*
 * All but SO_LINGER: with it, a descriptor passed to the warden would make the
 * warden wait when it closes it.
 */
static int
allow_setsockopt(scmp_filter_ctx ctx)
{
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 1,
	    SCMP_A1(SCMP_CMP_NE, SOL_SOCKET, 0));

	if (rc != 0)
		return rc;
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
	    SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET, 0),
	    SCMP_A2(SCMP_CMP_NE, SO_LINGER, 0));
}

/*
 * Only the engine writes the ban table: in the others it is mapped for reading,
 * and nothing they may come to run can change that.
 */
static int
allow_mprotect(scmp_filter_ctx ctx, bool writes)
{
	if (writes)
		return seccomp_rule_add(
		    ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 0);
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE, 0));
}

#define ALLOW(ctx, list) allow(ctx, list, sizeof(list) / sizeof((list)[0]))

void
sandbox_enter(enum role role)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = -ENOMEM;

	if (ctx)
		rc = ALLOW(ctx, everyone);
	if (rc == 0)
		rc = allow_setsockopt(ctx);
	if (rc == 0)
		rc = allow_mprotect(ctx, role == ROLE_ENGINE);
	if (rc == 0 && role == ROLE_DOORS)
		rc = ALLOW(ctx, doors_calls);
	if (rc == 0 && role == ROLE_ENGINE)
		rc = ALLOW(ctx, engine_calls);
	if (rc == 0 && role == ROLE_ENFORCER)
		rc = ALLOW(ctx, enforcer_calls);
	/* The store has a thread by now. */
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (rc == 0)
		rc = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	if (rc != 0)
		log_warn("no seccomp filter: %s", strerror(-rc));
}

#else

void
sandbox_enter(enum role role)
{
	(void)role;
	log_info("built without libseccomp: no system call filter");
}

#endif
