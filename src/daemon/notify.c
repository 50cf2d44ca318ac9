/* sd_notify(3), where there is systemd. */
#include <stddef.h>
#ifdef HAVE_LIBSYSTEMD
#include <stdint.h>
#include <systemd/sd-daemon.h>
#endif

#include "daemon.h"

static void
say(const char *state)
{
#ifdef HAVE_LIBSYSTEMD
	sd_notify(0, state);
#else
	(void)state;
#endif
}

void
notify_ready(void)
{
	say("READY=1\nSTATUS=Standing guard");
}

void
notify_reloading(void)
{
#ifdef HAVE_LIBSYSTEMD
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)monotonic_ms() * 1000);
#endif
}

void
notify_stopping(void)
{
	say("STOPPING=1");
}

void
notify_watchdog(void)
{
	say("WATCHDOG=1");
}

int64_t
notify_watchdog_ms(void)
{
#ifdef HAVE_LIBSYSTEMD
	uint64_t us;

	if (sd_watchdog_enabled(0, &us) > 0)
		return (int64_t)(us / 2000);
#endif
	return 0;
}
