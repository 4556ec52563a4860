/*
 * Tells whoever supervises this process (systemd, where the unit is of Type=notify)
 * that it serves, and that it is the one to look after: after a takeover
 * that is no longer the process which was started first.
 */
#ifndef SALLYPORT_PROXY_SUPERVISOR_H
#define SALLYPORT_PROXY_SUPERVISOR_H

/* Before the sandbox. -1: nobody asked to be told. */
int supervisor_connect(void);

/* As sd_notify(3): READY=1 and MAINPID. SUPERVISOR is closed; -1 is fine. */
void supervisor_say_ready(int supervisor);

#endif
