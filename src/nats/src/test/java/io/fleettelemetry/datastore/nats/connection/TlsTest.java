package io.fleettelemetry.datastore.nats.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.datastore.nats.settings.TlsSettings;
import io.fleettelemetry.testkit.TestCa;
import io.fleettelemetry.testkit.TestCa.Identity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What files the keys {@code tls.*} may name, and what is said of those that will not do. */
class TlsTest {

    @TempDir
    private static Path directory;

    private static TestCa ca;
    private static Identity one;

    @BeforeAll
    static void make() {
        ca = TestCa.create(directory, "ca");
        one = ca.issue("one");
    }

    private static Tls tls(Path caFile, Path certFile, Path keyFile) {
        return new Tls(new TlsSettings(
                caFile == null ? "" : caFile.toString(),
                certFile == null ? "" : certFile.toString(),
                keyFile == null ? "" : keyFile.toString(),
                false));
    }

    private static String refusal(Tls tls) {
        return assertThrows(IOException.class, tls::context).getMessage();
    }

    private static Path file(String name, String text) throws IOException {
        return Files.writeString(directory.resolve(name), text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"RSA", "EC", "Ed25519"})
    void a_client_key_may_be_rsa_ec_or_ed25519(String algorithm) throws Exception {
        Identity client = ca.issue("client-" + algorithm, "-keyalg", algorithm);
        assertEquals(
                "TLS",
                tls(ca.certificate(), client.certificate(), client.key())
                        .context()
                        .getProtocol());
    }

    @Test
    void a_file_may_hold_several_certificates_a_key_and_other_text() throws Exception {
        Path all = file(
                "all.pem",
                "Certificate:\n    Data:\n" + Files.readString(one.key()) + "\r\n" + Files.readString(one.certificate())
                        + "and the CA\n" + Files.readString(ca.certificate()));
        assertEquals(2, Pem.certificates(all).size());
        assertEquals("TLS", tls(all, all, all).context().getProtocol());
    }

    @Test
    void a_file_that_is_not_there_is_named_with_its_key_and_the_reason() {
        Path missing = directory.resolve("missing.pem");
        assertEquals(
                "tls.ca.file = " + missing + ": cannot be read: NoSuchFileException",
                refusal(tls(missing, null, null)));
        assertEquals(
                "tls.cert.file = " + missing + ": cannot be read: NoSuchFileException",
                refusal(tls(null, missing, one.key())));
        assertEquals(
                "tls.key.file = " + missing + ": cannot be read: NoSuchFileException",
                refusal(tls(null, one.certificate(), missing)));
        assertTrue(refusal(new Tls(new TlsSettings("a\0b", "", "", false))).startsWith("tls.ca.file = "));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "RSA PRIVATE KEY|has a key in the form \"RSA PRIVATE KEY\"",
                "EC PRIVATE KEY|has a key in the form \"EC PRIVATE KEY\"",
                "ENCRYPTED PRIVATE KEY|has an encrypted key",
            })
    void a_key_in_another_form_is_refused_with_the_command_that_converts_it(String type, String reason)
            throws Exception {
        Path key = file(
                "other-form.pem",
                "-----BEGIN " + type + "-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END " + type + "-----\n");
        assertEquals(
                "tls.key.file = " + key + ": " + reason + ", and PKCS#8 without a password is needed; convert it:"
                        + " openssl pkcs8 -topk8 -nocrypt -in " + key + " -out <new file>",
                refusal(tls(null, one.certificate(), key)));
    }

    @Test
    void a_key_of_another_certificate_is_refused() {
        for (Identity other : new Identity[] {ca.issue("two"), ca.issue("three", "-keyalg", "RSA")}) {
            assertEquals(
                    "tls.key.file = " + other.key() + ": is not the key of the first certificate in tls.cert.file = "
                            + one.certificate(),
                    refusal(tls(null, one.certificate(), other.key())));
        }
    }

    @Test
    void a_file_that_is_not_pem_or_is_damaged_is_refused() throws Exception {
        Path nothing = file("nothing.pem", "\0\1\2");
        assertTrue(refusal(tls(nothing, null, null)).endsWith("begins with -----BEGIN CERTIFICATE-----"));
        assertTrue(refusal(tls(null, one.certificate(), nothing)).endsWith("begins with -----BEGIN PRIVATE KEY-----"));
        Path damaged = file(
                "damaged.pem",
                "-----BEGIN CERTIFICATE-----\nAAAAA\n-----END CERTIFICATE-----\n"
                        + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        assertTrue(refusal(tls(damaged, null, null)).contains(": is damaged: "), refusal(tls(damaged, null, null)));
        assertTrue(refusal(tls(null, one.certificate(), damaged))
                .contains("has a key of an unknown kind; the known kinds are RSA, EC"));
        Path noCertificate =
                file("no-certificate.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assertTrue(refusal(tls(noCertificate, null, null)).contains("has a certificate that cannot be read"));
    }
}
