package io.fleettelemetry.console;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A key of the Go server's configuration.
 *
 * @param path the names from the outermost object on, joined by dots; {@code *} stands for a name that is data
 * @param type the JSON type that its value must have
 * @param instead why it has no counterpart here; empty if it has one, or if it is inside an object that has none
 */
record GoKey(String path, Type type, String instead) {

    /** JSON types, with their names in messages. */
    enum Type {
        TEXT("a string, in quotes"),
        TEXTS("a list of strings, in brackets"),
        WHOLE("a whole number, without quotes"),
        NUMBER("a number, without quotes"),
        FLAG("true or false, without quotes"),
        OBJECT("an object, in braces"),
        ANY("any value");

        final String words;

        Type(String words) {
            this.words = words;
        }
    }

    /** Every key that the server or its NATS fork knows: path, type, and, if it has no counterpart here, why. */
    private static final String TABLE = """
            host                             text    vehicles connect to a gateway in front of this host
            port                             whole   vehicles connect to a gateway in front of this host
            status_port                      whole   telemetry:status shows the state of the host
            namespace                        text
            log_level                        text    Karaf writes the log: the levels are in etc/org.ops4j.pax.logging.cfg
            json_log_enable                  flag    Karaf writes the log: the layout is in etc/org.ops4j.pax.logging.cfg
            transmit_decoded_records         flag    records are published as they came, as protobuf bytes
            use_default_eng_ca               flag    the gateway in front of this host verifies vehicles
            vins_signal_tracking_enabled     texts   there are no metrics of signals here
            records                          object
            records.*                        texts
            reliable_ack_sources             object
            reliable_ack_sources.*           text
            reliable_ack                     flag    older Go servers only: here a type gets reliable acks only if reliable_ack_sources names a datastore for it
            reliable_ack_workers             whole   older Go servers only: there is no number of workers here
            rate_limit                       object  the gateway in front of this host limits its connections
            rate_limit.enabled               flag
            rate_limit.message_limit         whole
            rate_limit.message_interval_time whole
            rate_limit.MessageIntervalTimeSecond whole
            tls                              object  the gateway in front of this host has the vehicles' TLS
            tls.server_cert                  text
            tls.server_key                   text
            tls.ca_file                      text
            monitoring                       object
            monitoring.prometheus_metrics_port whole
            monitoring.prometheus_metrics_host text
            monitoring.statsd                object  metrics are exported to Prometheus only
            monitoring.statsd.host           text
            monitoring.statsd.prefix         text
            monitoring.statsd.flush_period   whole
            monitoring.profiler_port         whole   the JVM has tools of its own, such as jcmd and Flight Recorder
            monitoring.profiler_host         text    the JVM has tools of its own, such as jcmd and Flight Recorder
            monitoring.profiling_path        text    the JVM has tools of its own, such as jcmd and Flight Recorder
            monitoring.otel                  object  metrics are exported to Prometheus only
            monitoring.otel.endpoint         text
            monitoring.otel.service_name     text
            monitoring.otel.protocol         text
            monitoring.otel.export_interval  whole
            monitoring.otel.insecure         flag
            monitoring.otel.logging          flag
            monitoring.otel.tracing          flag
            monitoring.otel.trace_sample_rate number
            logger                           object
            logger.verbose                   flag
            airbrake                         object
            airbrake.host                    text
            airbrake.project_id              whole
            airbrake.project_key             text
            airbrake.environment             text
            airbrake.tls                     object  the JVM's trust store is used: javax.net.ssl.trustStore
            airbrake.tls.server_cert         text
            airbrake.tls.server_key          text
            airbrake.tls.ca_file             text
            nats                             object
            nats.url                         text
            nats.name                        text
            kafka                            object  there is no Kafka datastore here
            kafka.*                          any
            kinesis                          object  there is no Kinesis datastore here
            kinesis.max_retries              whole
            kinesis.override_host            text
            kinesis.streams                  object
            kinesis.streams.*                text
            pubsub                           object  there is no Pub/Sub datastore here
            pubsub.gcp_project_id            text
            zmq                              object  there is no ZeroMQ datastore here
            zmq.addr                         text
            zmq.server_key_json_path         text
            zmq.allowed_public_keys_json_path text
            zmq.verbose                      flag
            mqtt                             object  there is no MQTT datastore here
            mqtt.broker                      text
            mqtt.client_id                   text
            mqtt.username                    text
            mqtt.password                    text
            mqtt.topic_base                  text
            mqtt.qos                         whole
            mqtt.retained                    flag
            mqtt.connect_timeout_ms          whole
            mqtt.publish_timeout_ms          whole
            mqtt.disconnect_timeout_ms       whole
            mqtt.connect_retry_interval_ms   whole
            mqtt.keep_alive_seconds          whole
            redis                            object  there is no Redis datastore here
            redis.addrs                      texts
            redis.username                   text
            redis.password                   text
            redis.db                         whole
            redis.tls                        object
            redis.tls.server_cert            text
            redis.tls.server_key             text
            redis.tls.ca_file                text
            redis.override_tls_server_name   flag
            redis.cluster_mode               flag
            redis.publish_timeout            whole
            redis.publish_vin_topics         flag
            redis.subscriber_set_prefix      text
            redis.pool                       object
            redis.pool.pool_size             whole
            redis.pool.min_idle_conns        whole
            redis.pool.max_idle_conns        whole
            redis.pool.max_active_conns      whole
            redis.pool.read_timeout          whole
            redis.pool.write_timeout         whole
            redis.pool.pool_timeout          whole
            redis.pool.conn_max_idle_time    whole
            redis.pool.conn_max_lifetime     whole
            """;

    // The server's JSON decoder ignores the case of keys.
    private static final Map<String, GoKey> BY_PATH = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);

    static {
        TABLE.lines().map(line -> line.split(" +", 3)).forEach(columns -> {
            Type type = Type.valueOf(columns[1].toUpperCase(Locale.ROOT));
            BY_PATH.put(columns[0], new GoKey(columns[0], type, columns.length < 3 ? "" : columns[2]));
        });
    }

    /** Whether the names in this object are data; the path has a dot at its end. */
    static boolean isMap(String object) {
        return BY_PATH.containsKey(object + "*");
    }

    /**
     * Finds what an object's member is.
     *
     * @param object the path of the object with a dot at its end; empty for the outermost
     * @param name of the member, in any case unless it is data
     * @return the key, whose path has the name where the table has {@code *}; empty if there is no such key
     */
    static Optional<GoKey> of(String object, String name) {
        GoKey any = BY_PATH.get(object + "*");
        if (any != null) {
            return Optional.of(new GoKey(object + name, any.type, any.instead));
        }
        // A name with a dot is that of no key, though it may look like a path.
        return name.contains(".") ? Optional.empty() : Optional.ofNullable(BY_PATH.get(object + name));
    }
}
