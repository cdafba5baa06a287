package io.fleettelemetry.datastore.nats.osgi;

import io.fleettelemetry.datastore.nats.settings.Defaults;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.AttributeType;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.osgi.service.metatype.annotations.Option;

/** Describes a NATS datastore's settings for configuration tools. {@code NatsSettings} reads them. */
@ObjectClassDefinition(
        id = NatsConfiguration.PID,
        name = "Fleet Telemetry NATS datastore",
        description = "Publishes records to NATS under <namespace>.<vin>.<topic>. One configuration is one datastore.")
public @interface NatsConfiguration {

    String PID = "io.fleettelemetry.datastore.nats";

    @AttributeDefinition(
            name = "Servers",
            description = "Servers, separated by commas; the schemes are nats, tls, ws and wss.")
    String url() default Defaults.URL;

    @AttributeDefinition(
            name = "Connection name",
            description = "Name of the connection in the server's logs and monitoring.")
    String name() default Defaults.NAME;

    @AttributeDefinition(
            name = "Namespace",
            description = "First part of every subject: one or more tokens, joined by dots.")
    String namespace() default Defaults.NAMESPACE;

    @AttributeDefinition(name = "Datastore", description = "Name of this datastore in the routes.")
    String datastore() default Defaults.DATASTORE;

    @AttributeDefinition(
            name = "Ranking",
            description = "Rank among datastores of the same name. The one with the highest rank is used.")
    int service_ranking() default Defaults.RANKING;

    @AttributeDefinition(name = "User", description = "User for the server; empty for none.", required = false)
    String username();

    @AttributeDefinition(
            name = "Password",
            description = "Password of the user.",
            type = AttributeType.PASSWORD,
            required = false)
    String _password();

    @AttributeDefinition(
            name = "Token",
            description = "Token for the server, instead of a user.",
            type = AttributeType.PASSWORD,
            required = false)
    String _token();

    @AttributeDefinition(
            name = "Credentials file",
            description = "Path of a .creds file with a JWT and an nkey seed; empty for none.",
            required = false)
    String credentials_file();

    @AttributeDefinition(
            name = "TLS: trusted CAs",
            description = "Path of a PEM file with the CAs that may have signed the server's certificate; empty for"
                    + " those that the JVM trusts. This file and the other files are read at every attempt to"
                    + " connect.",
            required = false)
    String tls_ca_file();

    @AttributeDefinition(
            name = "TLS: client certificate",
            description = "Path of a PEM file with our own certificate, followed by those between it and its CA, for a"
                    + " server that verifies its clients; empty for none.",
            required = false)
    String tls_cert_file();

    @AttributeDefinition(
            name = "TLS: client key",
            description = "Path of a PEM file with the key of the client certificate: PKCS#8, without a password.",
            required = false)
    String tls_key_file();

    @AttributeDefinition(
            name = "TLS: handshake first",
            description = "TLS handshake before the server says anything; the server's setting is handshake_first.")
    boolean tls_first() default Defaults.TLS_FIRST;

    @AttributeDefinition(
            name = "In flight, bytes",
            description = "Limit on records that are accepted and not yet confirmed, in bytes: messages with their"
                    + " subjects and headers, plus 128 for each record.",
            min = "1")
    long inflight_max_bytes() default Defaults.INFLIGHT_MAX_BYTES;

    @AttributeDefinition(
            name = "In flight, records",
            description = "Limit on records that are accepted and not yet confirmed, in records.",
            min = "1")
    int inflight_max_records() default Defaults.INFLIGHT_MAX_RECORDS;

    @AttributeDefinition(
            name = "Confirm timeout, ms",
            description = "Longest time (ms) that a record may wait for its confirmation before it fails.",
            min = "100")
    long confirm_timeout_ms() default Defaults.CONFIRM_TIMEOUT_MS;

    @AttributeDefinition(
            name = "Drain timeout, ms",
            description = "Longest wait (ms) for confirmations when the datastore closes or changes over to a new"
                    + " connection.",
            min = "0")
    long drain_timeout_ms() default Defaults.DRAIN_TIMEOUT_MS;

    @AttributeDefinition(
            name = "Delivery",
            description = "When a record is confirmed: once the connected server has parsed it (core), or once a"
                    + " JetStream stream has stored it (jetstream).",
            options = {@Option(label = "core", value = "core"), @Option(label = "jetstream", value = "jetstream")})
    String delivery() default Defaults.DELIVERY;

    @AttributeDefinition(
            name = "JetStream: stream",
            description = "Stream that must store the records; empty for any stream that JetStream lists for their"
                    + " subjects. Only PubAcks of these streams confirm a record. Set it if stream.setup = off:"
                    + " otherwise a PubAck of any stream confirms.",
            required = false)
    String stream();

    @AttributeDefinition(
            name = "JetStream: stream setup",
            description = "Check of the streams before anything is published. off: JetStream is not asked. verify: the"
                    + " datastore checks whether streams store every subject and know message ids for long enough."
                    + " create: the same, and the datastore creates the stream if it is missing. It never alters a"
                    + " stream.",
            options = {
                @Option(label = "off", value = "off"),
                @Option(label = "verify", value = "verify"),
                @Option(label = "create", value = "create")
            })
    String stream_setup() default Defaults.STREAM_SETUP;

    @AttributeDefinition(
            name = "JetStream: domain",
            description = "JetStream domain; empty for the server's own.",
            required = false)
    String js_domain();

    @AttributeDefinition(
            name = "JetStream: inbox prefix",
            description = "First part of the subjects of JetStream's answers: one or more tokens, joined by dots. The"
                    + " server must let the datastore subscribe to these subjects. Any other user who may publish"
                    + " there can forge PubAcks.")
    String inbox_prefix() default Defaults.INBOX_PREFIX;

    @AttributeDefinition(
            name = "JetStream: batches",
            description =
                    "Records go to the stream in batches (fast ingest), which the stream acknowledges together and"
                            + " stores in their order. auto: if one stream stores all subjects and allows batches, as"
                            + " nats-server 2.14 and later can. off: the stream answers each record. required: without batches,"
                            + " nothing is published, and the status is CRITICAL.",
            options = {
                @Option(label = "auto", value = "auto"),
                @Option(label = "off", value = "off"),
                @Option(label = "required", value = "required")
            })
    String batch() default Defaults.BATCH;

    @AttributeDefinition(
            name = "Message ids",
            description = "Nats-Msg-Id header for every message, unique to its record, and the same when the message is"
                    + " sent again. A stream on these subjects then drops the duplicates. auto: with delivery ="
                    + " jetstream only.",
            options = {
                @Option(label = "auto", value = "auto"),
                @Option(label = "true", value = "true"),
                @Option(label = "false", value = "false")
            })
    String message_ids() default Defaults.MESSAGE_IDS;

    @AttributeDefinition(
            name = "Heartbeat, ms",
            description = "Idle time (ms) after which the datastore sends the server a PING.",
            min = "10")
    long heartbeat_ms() default Defaults.HEARTBEAT_MS;

    @AttributeDefinition(
            name = "Silent, ms",
            description = "Longest time (ms) that a connection may take no bytes, or leave a PING unanswered, before it"
                    + " is replaced. A slow connection that still takes bytes is kept. At most confirm.timeout.ms;"
                    + " without this key, and with a shorter confirm.timeout.ms, the same as that.",
            min = "100")
    long silent_ms() default Defaults.SILENT_MS;

    @AttributeDefinition(
            name = "Connect timeout, ms",
            description = "Longest time (ms) for one attempt to connect to one server.",
            min = "100")
    long connect_timeout_ms() default Defaults.CONNECT_TIMEOUT_MS;

    @AttributeDefinition(
            name = "Reconnect wait, ms",
            description =
                    "Pause (ms) between attempts to connect to the same server. Up to a tenth is added at random.",
            min = "1")
    long reconnect_wait_ms() default Defaults.RECONNECT_WAIT_MS;

    @AttributeDefinition(
            name = "Discover",
            description = "Use of the other servers that a cluster advertises, besides those of the URLs.")
    boolean discover() default Defaults.DISCOVER;

    @AttributeDefinition(
            name = "On closed",
            description = "Reaction when the server stops accepting the credentials, so that the connection is given"
                    + " up. withdraw: the service goes until there is a connection again. halt: the process ends"
                    + " with exit code 69, and a supervisor must start it again.")
    String on_closed() default Defaults.ON_CLOSED;
}
