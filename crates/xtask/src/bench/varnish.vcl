vcl 4.1;

# Varnish as a cache that keeps everything for an hour, but what must not be kept (that is in the rules built in).
backend origin {
    .host = "{host}";
    .port = "{port}";
}

sub vcl_backend_response {
    set beresp.ttl = 1h;
}
