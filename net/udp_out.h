/*
 * udp_out: datagrams to one far end, and what the network says about them afterwards.
 *
 * A face, so that tests put a scripted network with virtual time in its place. It has no thread of
 * its own: everything but `wakeup` belongs to the one that waits on it. Nothing blocks but `open`
 * (on the resolver) and `wait`.
 *
 * UDP promises nothing, but a machine that refuses a datagram says so (ICMP), and a connected
 * socket hears it: on the own machine while the datagram is being sent, from afar a round trip
 * later. So the news is about some datagram sent before.
 */
#ifndef RAY_NET_UDP_OUT_H
#define RAY_NET_UDP_OUT_H

#include "net/address.h"

/* UDP over IPv4: 65,535 less the headers of IP (20) and UDP (8) (RFC 768, RFC 791). */
#define RAY_UDP_MAX_BYTES 65507u
/* Datagrams of one system call: 1.07 us of CPU for each with an 800-byte document on loopback; 1.55
 * us when each has a call of its own (median of 3). */
#define RAY_UDP_SEND_MAX 64u

struct ray_udp_out;
struct ray_udp_out_ops {
    /* Resolves the far end's name and connects a fresh socket; the old one goes when that worked.
     * RAY_IO with *error. */
    enum ray_status (*open)(struct ray_udp_out *out, struct ray_net_error *error);
    /* Sends `prefix` and each text as one datagram, in order, at most RAY_UDP_SEND_MAX. Returns how
     * many the kernel took. *code is 0 or the errno of what stands in the way: of the first that
     * was not taken (EAGAIN: the socket's buffer is full, `wait` for it; ENOBUFS: a queue behind it
     * is, nothing announces its end), or one that was taken and came back. */
    size_t (*send)(struct ray_udp_out *out, struct ray_str prefix, const struct ray_str *texts,
                   size_t count, int *code);
    /* Has one that was taken come back? Its errno, else 0. Tells each once. */
    int (*returned)(struct ray_udp_out *out);
    /* Until there is room in the socket's buffer (when asked for), one came back, wakeup was
     * called, or `timeout_ms` are over. */
    void (*wait)(struct ray_udp_out *out, bool for_room, uint32_t timeout_ms);
    /* Makes a running or the next wait return. Any thread. */
    void (*wakeup)(struct ray_udp_out *out);
    void (*free)(struct ray_udp_out *out);
};
struct ray_udp_out {
    const struct ray_udp_out_ops *ops;
};

/* The real one, to "host:port", which is copied. NULL: out of memory or of file descriptors. */
struct ray_udp_out *ray_udp_out_new(struct ray_str endpoint);

#endif
