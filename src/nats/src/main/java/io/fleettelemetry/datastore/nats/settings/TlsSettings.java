package io.fleettelemetry.datastore.nats.settings;

import io.fleettelemetry.api.settings.SettingsReader;
import java.util.List;

/**
 * The keys {@code tls.*}: trusted certificates and our own. It holds the names of files, which are read for each
 * handshake, so it is enough to replace a file.
 *
 * @param caFile PEM file with the CAs that may have signed the server's certificate; empty for those that the JVM
 *     trusts
 * @param certFile PEM file with our own certificate, followed by those between it and its CA; empty for none
 * @param keyFile PEM file with the PKCS#8 key of our certificate; empty for none
 * @param first whether the TLS handshake comes before the server says anything
 */
public record TlsSettings(String caFile, String certFile, String keyFile, boolean first) {

    public static final String CA_FILE = "tls.ca.file";
    public static final String CERT_FILE = "tls.cert.file";
    public static final String KEY_FILE = "tls.key.file";
    private static final String FIRST = "tls.first";

    static final List<String> KEYS = List.of(CA_FILE, CERT_FILE, KEY_FILE, FIRST);

    static TlsSettings parse(SettingsReader reader) {
        TlsSettings tls = new TlsSettings(
                reader.text(CA_FILE, ""),
                reader.text(CERT_FILE, ""),
                reader.text(KEY_FILE, ""),
                reader.flag(FIRST, Defaults.TLS_FIRST));
        if (tls.certFile.isEmpty() && !tls.keyFile.isEmpty()) {
            reader.refuse(KEY_FILE, "needs its certificate; set " + CERT_FILE + " too, or neither");
        }
        if (!tls.certFile.isEmpty() && tls.keyFile.isEmpty()) {
            reader.refuse(CERT_FILE, "needs its key; set " + KEY_FILE + " too, or neither");
        }
        return tls;
    }

    /** Whether one of the keys requires TLS, whatever the URLs say. */
    boolean isAskedFor() {
        return first || !caFile.isEmpty() || !certFile.isEmpty();
    }

    /** The settings, to be added to the reason why TLS failed. */
    @Override
    public String toString() {
        return CA_FILE + " = " + (caFile.isEmpty() ? "(what the JVM trusts)" : caFile) + ", " + CERT_FILE + " = "
                + (certFile.isEmpty() ? "(none)" : certFile) + (first ? ", " + FIRST + " = true" : "");
    }
}
