/* carrier - the thread that owns an authenticated session and moves the bytes of all its channels. */
#ifndef SEEDOPS_TUNNEL_CARRIER_H
#define SEEDOPS_TUNNEL_CARRIER_H

#include "tunnel/hop.h"
#include "tunnel/listener.h"

struct carrier;

/* Takes `hop`, also on failure. Every connection that `listener` (borrowed) lets in gets a channel along `route`
 * (copied). With no listener there is one connection, made here: carrier_socket gives our end. */
bool carrier_start(struct carrier **out, struct hop *hop, const struct tunnel_route *route, struct listener *listener,
                   struct err *err);
/* One more of these, at any time: as many as carrier_start takes are CARRIER_DOORS together. */
enum { CARRIER_DOORS = 2 };
bool carrier_add(struct carrier *carrier, const struct tunnel_route *route, struct listener *listener, struct err *err);
int carrier_socket(struct carrier *carrier);   /* gives, once: a jump host's end */
bool carrier_alive(const struct carrier *carrier);
bool carrier_reason(struct carrier *carrier, struct err *err);
int64_t carrier_channel_ms(struct carrier *carrier);
/* Stops the thread and frees all. NULL is fine. */
void carrier_free(struct carrier *carrier);

#endif
